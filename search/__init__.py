"""Here is a need: who can meet it?"""
