/* Rows by number: gather, and its transpose, an addition in the order of the list (so that sums are the same on every run). */
#include "CKernels.h"
#include "activation.h"

INLINE void gather_rows(long count, long columns, const int32_t *rows, const float *table, long ld_table, int form, void *out,
                        long ld_out) {
  for (long i = 0; i < count; i++) {
    const float *from = table + (long)rows[i] * ld_table;
    if (form == FLOATS)
      memcpy((float *)out + i * ld_out, from, sizeof(float) * (size_t)columns);
    else
      ROUNDING_LOOP
      for (long c = 0; c < columns; c++) store(out, form, i * ld_out + c, from[c]);
  }
}

ACTIVATION_KERNEL(void, gather_rows,
                  (long count, long columns, const int32_t *rows, const float *table, long ld_table, int bf16, void *out,
                   long ld_out),
                  count, columns, rows, table, ld_table, form, out, ld_out)

KERNEL void ck_scatter_add_rows(long count, long columns, const int32_t *rows, const float *in, long ld_in, float *table,
                                long ld_table) {
  for (long i = 0; i < count; i++) {
    float *row = table + (long)rows[i] * ld_table;
    const float *from = in + i * ld_in;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) row[c] += from[c];
  }
}

KERNEL void ck_scatter_add_scaled_rows(long count, long columns, const int32_t *rows, const float *factors, const float *in,
                                       long ld_in, float *table, long ld_table) {
  for (long i = 0; i < count; i++) {
    float *row = table + (long)rows[i] * ld_table, factor = factors[i];
    const float *from = in + i * ld_in;
    VECTOR_LOOP
    for (long c = 0; c < columns; c++) row[c] += factor * from[c];
  }
}

KERNEL int ck_holds(long count, const int32_t *x, int32_t number) {
  for (long start = 0; start < count; start += 256) {
    long end = start + 256 < count ? start + 256 : count;
    int32_t found = 0;
    VECTOR_LOOP
    for (long i = start; i < end; i++) found |= x[i] == number;
    if (found) return 1;
  }
  return 0;
}
