//! Bodies of the fuzz targets, as ordinary functions: the corpus replays on a stable compiler.
