"""Label files and texts to the static encoder; needs the extra [models]."""
