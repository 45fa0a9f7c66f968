/* Rows as they are stored, sixteen numbers at a time: float32, bfloat16 or half precision in memory, float32 in registers.
 *
 * `element` is a constant where these are inlined. A row's last numbers are a part of a vector; the rest of it is zero. */
#ifndef PRECISE_STORED_H
#define PRECISE_STORED_H

#include "bfloat16.h"
#include "half.h"

/* Half precision where there is no instruction for it: the compiler would call a function for each number. */
enum { HALF_BY_BITS = CK_FP16 + 1 };

/* STORED_KERNEL defines the kernel ck_<name>, whose first parameter is `int element`, from the inlined body <name>, whose first
 * parameter is the same as a constant; STORED_FUNCTION defines the same as <name>_stored, for the file itself. Like KERNEL, three
 * versions by processor, but spelled out: only two of them have an instruction for half precision. */
#define FOR_ELEMENT(half, body, ...)                                                                                              \
  {                                                                                                                               \
    switch (element) {                                                                                                            \
      case CK_BF16: body(CK_BF16, __VA_ARGS__); break;                                                                            \
      case CK_FP16: body(half, __VA_ARGS__); break;                                                                               \
      default: body(CK_FP32, __VA_ARGS__);                                                                                        \
    }                                                                                                                             \
  }
#define STORED_KERNEL(name, parameters, ...) STORED(void ck_##name, name, parameters, __VA_ARGS__)
#define STORED_FUNCTION(name, parameters, ...) STORED(static void name##_stored, name, parameters, __VA_ARGS__)
#if defined(__x86_64__)
#define STORED(head, name, parameters, ...)                                                                                       \
  __attribute__((target("arch=x86-64-v4"))) static void name##_v4 parameters FOR_ELEMENT(CK_FP16, name, __VA_ARGS__)              \
  __attribute__((target("arch=x86-64-v3"))) static void name##_v3 parameters FOR_ELEMENT(CK_FP16, name, __VA_ARGS__)              \
  static void name##_baseline parameters FOR_ELEMENT(HALF_BY_BITS, name, __VA_ARGS__)                                             \
  head parameters {                                                                                                               \
    if (__builtin_cpu_supports("x86-64-v4"))                                                                                      \
      name##_v4(element, __VA_ARGS__);                                                                                            \
    else if (__builtin_cpu_supports("x86-64-v3"))                                                                                 \
      name##_v3(element, __VA_ARGS__);                                                                                            \
    else                                                                                                                          \
      name##_baseline(element, __VA_ARGS__);                                                                                      \
  }
#else
#define STORED(head, name, parameters, ...) head parameters FOR_ELEMENT(CK_FP16, name, __VA_ARGS__)
#endif

INLINE long element_bytes(int element) { return element == CK_FP32 ? 4 : 2; }

/* The numbers from element i on. */
INLINE void *stored_at(const void *rows, int element, long i) { return (char *)rows + i * element_bytes(element); }

/* The `lanes` <= 16 numbers from element i on. */
INLINE v16 stored_load(const void *rows, int element, long i, long lanes) {
  const void *from = stored_at(rows, element, i);
  uint32_t part[16] = {0};
  if (lanes < 16) {
    memcpy(part, from, (size_t)(lanes * element_bytes(element)));
    from = part;
  }
  switch (element) {
    case CK_BF16: return (v16)(__builtin_convertvector(*(const u16v *)from, u32v) << 16);
    case CK_FP16: return __builtin_convertvector(*(const h16 *)from, v16);
    case HALF_BY_BITS: return half_widen(*(const u16v *)from);
    default: return *(const v16 *)from;
  }
}

/* Rounded by sixteen random bits a number, which float32 does not need. */
INLINE void stored_store(void *rows, int element, long i, long lanes, v16 value, u32v random) {
  void *to = stored_at(rows, element, i);
  u16v words;
  if (element == CK_FP32) {
    if (lanes < 16)
      memcpy(to, &value, (size_t)lanes * 4);
    else
      *(v16 *)to = value;
    return;
  }
  words = element == CK_BF16 ? bf16_narrow(value, random) : half_narrow(value, random);
  if (lanes < 16)
    memcpy(to, &words, (size_t)lanes * 2);
  else
    *(u16v *)to = words;
}

INLINE v16 float_load(const float *from, long lanes) { return stored_load(from, CK_FP32, 0, lanes); }

INLINE void float_store(float *to, long lanes, v16 value) { stored_store(to, CK_FP32, 0, lanes, value, (u32v){}); }

/* The sum of the lanes, in one order. */
INLINE float lane_sum(v16 x) {
  typedef float v8 __attribute__((vector_size(32)));
  typedef float v4 __attribute__((vector_size(16)));
  v8 eight = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
  v4 four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  return (four[0] + four[2]) + (four[1] + four[3]);
}

/* What is wanted next is fetched into the cache while something else is computed, evenly: in a burst, it would take the
 * buffers that the present loads need. */
struct ahead {
  const char *next, *due, *end;
  long share; /* bytes a turn */
};

INLINE struct ahead ahead_of(const void *next, long bytes, long turns) {
  return (struct ahead){next, next, (const char *)next + bytes, turns > 0 ? (bytes + turns - 1) / turns : bytes};
}

INLINE void fetch(struct ahead *ahead) {
  ahead->due += ahead->share;
  for (; ahead->next < ahead->due && ahead->next < ahead->end; ahead->next += 64) __builtin_prefetch(ahead->next, 0, 3);
}

#endif
