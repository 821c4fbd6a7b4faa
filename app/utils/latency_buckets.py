"""Buckets of a histogram of times: as wide as they are long, so that a time is told with the same relative error."""

_EXACT_BITS = 5


def bucket_of(milliseconds: int) -> int:
    """Return the shortest time that is in the bucket of a time: its first five binary digits."""
    shift = max(0, milliseconds.bit_length() - _EXACT_BITS)
    return milliseconds >> shift << shift


def middle_of(bucket: int) -> float:
    """Return the middle of a bucket, from which no time in it is further away than 3.2 %."""
    return bucket + ((1 << max(0, bucket.bit_length() - _EXACT_BITS)) - 1) / 2
