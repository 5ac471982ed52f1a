"""All released models side by side: rows, fronts, tables, a page."""
