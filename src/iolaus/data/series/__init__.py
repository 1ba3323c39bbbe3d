"""Time series: tables of numbers with dates, windows of them, and one small file per source."""
