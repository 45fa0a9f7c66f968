/* The tile instructions of AMX, in which tile_product.h is written: eight tiles of up to 16 rows of 64 bytes, named by constants. A
 * thread configures them before it uses them. Tests have the same in software (Tests/CTileTwin). */
#ifndef PRECISE_TILES_H
#define PRECISE_TILES_H

#include <immintrin.h>

#define TILE_TARGET __attribute__((target("arch=x86-64-v4,amx-tile,amx-bf16"), min_vector_width(512)))

/* Takes a struct tile_config; the tiles become zero. */
#define tile_configure(config) _tile_loadconfig(config)
/* The tiles are in their first state again, so that a change of threads need not save them. */
#define tile_release() _tile_release()
#define tile_zero(tile) _tile_zero(tile)
/* Rows of memory that are `bytes` apart. */
#define tile_load(tile, from, bytes) _tile_loadd(tile, from, (size_t)(bytes))
#define tile_store(tile, to, bytes) _tile_stored(tile, to, (size_t)(bytes))
/* sums += rows of pairs times columns of pairs. */
#define tile_dot(sums, rows, columns) _tile_dpbf16ps(sums, rows, columns)

#endif
