"""Score tables in other formats: BED, bigWig, TSV. All read the finished Parquet table in batches."""
