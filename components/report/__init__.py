"""The page that shows a run, from plain data: one HTML file that needs no network.

facts.py says what it is made of, page.py puts it together; a module for each kind of section lies beside, and the
template, its style and its script in template/.
"""
