"""The reports of `history` beside text and page: charts, tables of rows, and what trackers of trainings take."""
