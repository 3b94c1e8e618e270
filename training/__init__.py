"""How the mouth network is made: its corpus, its training, its evaluation. Not part of the installed package."""
