// Values of a Parquet file's columns, as parquet.cpp hands them over: texts, numbers and moments as binary, vectors as lists of float32.
#ifndef PRECISE_PARQUET_VALUES_H
#define PRECISE_PARQUET_VALUES_H

#include <arrow/api.h>
#include <arrow/compute/api.h>

#include <charconv>
#include <limits>
#include <string>

#include "CParquet.h"

namespace {

using arrow::Array;
using arrow::Result;
using arrow::Status;
using ArrayPointer = std::shared_ptr<Array>;

// All that Arrow may take at a time. A page may claim 2 GiB, and a batch is far below that.
constexpr int64_t kMostMemory = int64_t{4} << 30;

arrow::MemoryPool *pool() {
  // Never freed: batches may be let go of while the program ends.
  static auto *pool = new arrow::CappedMemoryPool(arrow::default_memory_pool(), kMostMemory);
  return pool;
}

// What a type is kept as: that of an extension (pyarrow's UUIDs, JSON) below its name.
const arrow::DataType &storage_of(const arrow::DataType &type) {
  const auto *stored = &type;
  while (stored->id() == arrow::Type::EXTENSION) stored = static_cast<const arrow::ExtensionType &>(*stored).storage_type().get();
  return *stored;
}

// Text columns as bytes, whether or not they are UTF-8: only the type's name changes.
std::shared_ptr<arrow::DataType> bytes_type(const std::shared_ptr<arrow::DataType> &type) {
  switch (type->id()) {
    case arrow::Type::STRING: return arrow::binary();
    case arrow::Type::LARGE_STRING: return arrow::large_binary();
    case arrow::Type::STRING_VIEW: return arrow::binary_view();
    default: return type;
  }
}

ArrayPointer as_bytes(const ArrayPointer &array) {
  auto data = array->data()->Copy();
  while (data->type->id() == arrow::Type::EXTENSION) {
    data->type = static_cast<const arrow::ExtensionType &>(*data->type).storage_type();
  }
  if (data->type->id() == arrow::Type::DICTIONARY) {
    const auto &type = static_cast<const arrow::DictionaryType &>(*data->type);
    data->dictionary = data->dictionary->Copy();
    data->dictionary->type = bytes_type(type.value_type());
    data->type = arrow::dictionary(type.index_type(), data->dictionary->type);
  } else {
    data->type = bytes_type(data->type);
  }
  return arrow::MakeArray(data);
}

Result<ArrayPointer> cast(const ArrayPointer &array, const std::shared_ptr<arrow::DataType> &type) {
  arrow::compute::ExecContext context(pool(), nullptr);
  context.set_use_threads(false);
  return arrow::compute::Cast(*array, type, arrow::compute::CastOptions::Unsafe(type), &context);
}

// The decimal digits of `number` of each value.
template <class Type, class Number>
Result<ArrayPointer> digits(const ArrayPointer &array, Number number) {
  // The longest is -9223372036854775808.
  constexpr int kMostDigits = 20;
  const auto &values = static_cast<const typename arrow::TypeTraits<Type>::ArrayType &>(*array);
  arrow::BinaryBuilder builder(pool());
  ARROW_RETURN_NOT_OK(builder.Reserve(values.length()));
  ARROW_RETURN_NOT_OK(builder.ReserveData(values.length() * kMostDigits));
  for (int64_t row = 0; row < values.length(); row++) {
    if (values.IsNull(row)) {
      builder.UnsafeAppendNull();
      continue;
    }
    char text[kMostDigits];
    const auto end = std::to_chars(text, text + kMostDigits, number(values.Value(row))).ptr;
    builder.UnsafeAppend(reinterpret_cast<const uint8_t *>(text), static_cast<int32_t>(end - text));
  }
  return builder.Finish();
}

template <class Type>
Result<ArrayPointer> digits(const ArrayPointer &array) {
  return digits<Type>(array, [](auto value) { return value; });
}

// value * factor in microseconds; a moment beyond what int64 holds is the last one that it does, which no reader takes for a time.
int64_t product(int64_t value, int64_t factor) {
  int64_t result;
  if (!__builtin_mul_overflow(value, factor, &result)) return result;
  return value < 0 ? std::numeric_limits<int64_t>::min() : std::numeric_limits<int64_t>::max();
}

Result<ArrayPointer> microseconds(const ArrayPointer &array) {
  switch (array->type_id()) {
    case arrow::Type::DATE32:
      return digits<arrow::Date32Type>(array, [](int32_t days) { return product(days, 86'400'000'000); });
    case arrow::Type::DATE64:
      return digits<arrow::Date64Type>(array, [](int64_t value) { return product(value, 1'000); });
    default: break;
  }
  switch (static_cast<const arrow::TimestampType &>(*array->type()).unit()) {
    case arrow::TimeUnit::SECOND:
      return digits<arrow::TimestampType>(array, [](int64_t value) { return product(value, 1'000'000); });
    case arrow::TimeUnit::MILLI:
      return digits<arrow::TimestampType>(array, [](int64_t value) { return product(value, 1'000); });
    case arrow::TimeUnit::MICRO: return digits<arrow::TimestampType>(array);
    default:
      // Down, also before 1970: division alone goes toward zero.
      return digits<arrow::TimestampType>(array, [](int64_t value) { return value / 1'000 - (value % 1'000 < 0 ? 1 : 0); });
  }
}

// 16 bytes as 8-4-4-4-12 hexadecimal digits.
Result<ArrayPointer> uuids(const ArrayPointer &array) {
  const auto &values = static_cast<const arrow::FixedSizeBinaryArray &>(*array);
  arrow::BinaryBuilder builder(pool());
  for (int64_t row = 0; row < values.length(); row++) {
    std::string text;
    for (int byte = 0; byte < 16; byte++) {
      if (byte == 4 || byte == 6 || byte == 8 || byte == 10) text += '-';
      const uint8_t value = values.GetValue(row)[byte];
      text += "0123456789abcdef"[value >> 4];
      text += "0123456789abcdef"[value & 15];
    }
    ARROW_RETURN_NOT_OK(values.IsNull(row) ? builder.AppendNull() : builder.Append(text));
  }
  return builder.Finish();
}

Result<ArrayPointer> text(const ArrayPointer &array) {
  switch (array->type_id()) {
    case arrow::Type::BINARY: return array;
    case arrow::Type::STRING:
    case arrow::Type::EXTENSION: return text(as_bytes(array));
    case arrow::Type::NA: return arrow::MakeArrayOfNull(arrow::binary(), array->length(), pool());
    case arrow::Type::INT8: return digits<arrow::Int8Type>(array, [](int8_t value) { return int{value}; });
    case arrow::Type::INT16: return digits<arrow::Int16Type>(array);
    case arrow::Type::INT32: return digits<arrow::Int32Type>(array);
    case arrow::Type::INT64: return digits<arrow::Int64Type>(array);
    case arrow::Type::UINT8: return digits<arrow::UInt8Type>(array, [](uint8_t value) { return int{value}; });
    case arrow::Type::UINT16: return digits<arrow::UInt16Type>(array);
    case arrow::Type::UINT32: return digits<arrow::UInt32Type>(array);
    case arrow::Type::UINT64: return digits<arrow::UInt64Type>(array);
    case arrow::Type::DATE32:
    case arrow::Type::DATE64:
    case arrow::Type::TIMESTAMP: return microseconds(array);
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::FIXED_SIZE_BINARY: return cast(array, arrow::binary());
    case arrow::Type::HALF_FLOAT: {
      ARROW_ASSIGN_OR_RAISE(auto floats, cast(array, arrow::float32()));
      return text(floats);
    }
    case arrow::Type::DICTIONARY: {
      ARROW_ASSIGN_OR_RAISE(auto plain, cast(array, static_cast<const arrow::DictionaryType &>(*array->type()).value_type()));
      return text(plain);
    }
    default: {
      ARROW_ASSIGN_OR_RAISE(auto words, cast(array, arrow::utf8()));
      return as_bytes(words);
    }
  }
}

bool is_float(const arrow::DataType &type) {
  return type.id() == arrow::Type::FLOAT || type.id() == arrow::Type::DOUBLE || type.id() == arrow::Type::HALF_FLOAT;
}

int kind_of(const arrow::DataType &type) {
  switch (type.id()) {
    case arrow::Type::EXTENSION: return kind_of(*static_cast<const arrow::ExtensionType &>(type).storage_type());
    case arrow::Type::DICTIONARY: {
      const int kind = kind_of(*static_cast<const arrow::DictionaryType &>(type).value_type());
      return kind == CPARQUET_VECTOR ? CPARQUET_OTHER : kind;
    }
    case arrow::Type::TIMESTAMP:
    case arrow::Type::DATE32:
    case arrow::Type::DATE64: return CPARQUET_TIME;
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::FIXED_SIZE_LIST: return is_float(*type.field(0)->type()) ? CPARQUET_VECTOR : CPARQUET_OTHER;
    case arrow::Type::NA:
    case arrow::Type::BOOL:
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW:
    case arrow::Type::TIME32:
    case arrow::Type::TIME64: return CPARQUET_TEXT;
    default:
      return arrow::is_integer(type.id()) || is_float(type) || arrow::is_decimal(type.id()) || arrow::is_base_binary_like(type.id())
                 || arrow::is_fixed_size_binary(type.id())
             ? CPARQUET_TEXT
             : CPARQUET_OTHER;
  }
}

}  // namespace

#endif
