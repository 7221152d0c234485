"""Here is a cell of somebody's spreadsheet: which actor or competency does it mean?"""
