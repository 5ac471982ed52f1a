"""`mobilenet init`: a project of somebody's own, outside the checkout."""
