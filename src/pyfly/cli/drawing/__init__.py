"""How commands draw: text in styles, the terminal, tables, pictures in files."""
