"""Reports of `bench local` as text, tables, charts and pages: each a function of the report."""
