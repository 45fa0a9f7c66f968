/* A product of pairs in tiles, written once for the processor's (amx.c) and for those in software that tests have. What includes it
 * defines TILE_TARGET and tile_configure, tile_release, tile_zero, tile_load, tile_store and tile_dot first, as tiles.h says.
 *
 * A block of C is 32 x 32, in four tiles; two tiles hold 32 rows of A and two a strip of B, 16 words along the sum at a time. Packed
 * strips are what the instruction reads: a row for each pair along the sum. Fewer rows, and the last words of a depth that is no
 * multiple of 16, are smaller tiles. So a sum is cut every 16 words, whatever stands beside it. */
#ifndef PRECISE_TILE_PRODUCT_H
#define PRECISE_TILE_PRODUCT_H

#include "strip.h"
#include "transpose.h"

enum {
  TILE = 16,       /* rows of a tile, and words of a row */
  BLOCK = 2 * TILE, /* rows of C at a time */
  DEEP = 256,      /* words along the sum: 32 rows of A stay in the L1 cache, */
  GROUP = 512,     /* and so many columns of B in the L2 cache */
};

/* What the tiles hold, as the processor reads it. */
struct tile_config {
  uint8_t palette, start_row, zeros[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

/* Tiles 0 to 3 are C, row by row; 4 and 5 the upper and lower rows of A; 6 and 7 the left and right columns of B. */
INLINE struct tile_config config_of(long rows, long words) {
  struct tile_config config = {.palette = 1};
  const long upper = rows < TILE ? rows : TILE, lower = rows - upper;
  const long high[8] = {upper, upper, lower, lower, upper, lower, words, words};
  for (int tile = 0; tile < 8; tile++) {
    long wide = tile == 4 || tile == 5 ? words : TILE;
    config.rows[tile] = (uint8_t)high[tile];
    config.row_bytes[tile] = (uint16_t)(high[tile] > 0 ? 4 * wide : 0);
  }
  return config;
}

/* Up to 32 rows of A: words from a row to the next, and from 16 words along the sum to the next 16. */
struct tile_rows {
  const pair_word *words;
  long row, chunk;
};

/* One block of C and all its chunks; `both` says whether there are lower rows, and is a constant at every call. */
TILE_TARGET INLINE void tile_block(int both, long chunks, struct tile_rows a, const pair_word *b, long b_row, float *c, long ldc,
                                   int add) {
  float *below = c + TILE * ldc;
  if (add) {
    tile_load(0, c, 4 * ldc);
    tile_load(1, c + TILE, 4 * ldc);
    if (both) tile_load(2, below, 4 * ldc);
    if (both) tile_load(3, below + TILE, 4 * ldc);
  } else {
    tile_zero(0);
    tile_zero(1);
    if (both) tile_zero(2);
    if (both) tile_zero(3);
  }
  for (long chunk = 0; chunk < chunks; chunk++, a.words += a.chunk, b += TILE * b_row) {
    tile_load(6, b, 4 * b_row);
    tile_load(7, b + TILE, 4 * b_row);
    tile_load(4, a.words, 4 * a.row);
    tile_dot(0, 4, 6);
    tile_dot(1, 4, 7);
    if (both) {
      tile_load(5, a.words + TILE * a.row, 4 * a.row);
      tile_dot(2, 5, 6);
      tile_dot(3, 5, 7);
    }
  }
  tile_store(0, c, 4 * ldc);
  tile_store(1, c + TILE, 4 * ldc);
  if (both) tile_store(2, below, 4 * ldc);
  if (both) tile_store(3, below + TILE, 4 * ldc);
}

/* `chunks` of so many words along the sum, from word `first` on, of all strips. */
TILE_TARGET INLINE void tile_chunks(long words, long first, long chunks, struct tile_rows a, const struct ck_strips *s) {
  struct tile_config config = config_of(s->rows, words);
  tile_configure(&config);
  a.words += first / TILE * a.chunk;
  const pair_word *b = s->b + first * s->b_row;
  const int add = s->add || first > 0;
  for (long j = 0; j < s->columns; j += STRIP, b += s->b_strip) {
    if (s->rows > TILE)
      tile_block(1, chunks, a, b, s->b_row, s->c + j, s->ldc, add);
    else
      tile_block(0, chunks, a, b, s->b_row, s->c + j, s->ldc, add);
  }
}

/* Rows of A whose words along the sum are not neighbors, chunk by chunk in 32 rows of 16 words. */
TILE_TARGET INLINE struct tile_rows copied(const struct ck_strips *s, pair_word *copy) {
  _Alignas(64) pair_word lines[TILE * TILE] = {0};
  for (long first = 0; first < s->depth; first += TILE)
    for (long row = 0; row < s->rows; row += TILE) {
      const pair_word *from = s->a + row * s->a_row + first * s->a_column;
      long high = s->rows - row < TILE ? s->rows - row : TILE, deep = s->depth - first < TILE ? s->depth - first : TILE;
      for (long k = 0; k < deep; k++, from += s->a_column) {
        if (high == TILE && s->a_row == 1)
          memcpy(lines + k * TILE, from, sizeof(pair_word) * TILE);
        else
          for (long r = 0; r < high; r++) lines[k * TILE + r] = from[r * s->a_row];
      }
      transpose(TILE, TILE, (const float *)lines, TILE, (float *)(copy + first * BLOCK + row * TILE), TILE);
    }
  return (struct tile_rows){copy, TILE, BLOCK * TILE};
}

/* At most 32 rows, DEEP words and GROUP columns. */
TILE_TARGET INLINE void tile_part(const struct ck_strips *s, pair_word *copy) {
  struct tile_rows a = s->a_column == 1 ? (struct tile_rows){s->a, s->a_row, TILE} : copied(s, copy);
  const long whole = s->depth / TILE * TILE;
  if (whole > 0) tile_chunks(TILE, 0, whole / TILE, a, s);
  if (whole < s->depth) tile_chunks(s->depth - whole, whole, 1, a, s);
}

TILE_TARGET INLINE void tile_product(const struct ck_strips *strips) {
  _Alignas(64) pair_word copy[BLOCK * DEEP];
  const struct ck_strips s = *strips;
  for (long first = 0; first < s.depth; first += DEEP)
    for (long column = 0; column < s.columns; column += GROUP)
      for (long row = 0; row < s.rows; row += BLOCK) {
        struct ck_strips part = s;
        part.depth = s.depth - first < DEEP ? s.depth - first : DEEP;
        part.columns = s.columns - column < GROUP ? s.columns - column : GROUP;
        part.rows = s.rows - row < BLOCK ? s.rows - row : BLOCK;
        part.a += row * s.a_row + first * s.a_column;
        part.b += column / STRIP * s.b_strip + first * s.b_row;
        part.c += row * s.ldc + column;
        part.add = s.add || first > 0;
        tile_part(&part, copy);
      }
  tile_release();
}

#endif
