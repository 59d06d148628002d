"""Effects of variants on splicing: alleles scored against the reference, in the transcripts that they lie in."""
