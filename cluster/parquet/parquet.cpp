// Parquet files for `precise`, read and written by Arrow's C++ library as pyarrow ships it; install.sh compiles this file.
//
// Swift sees the contract of Sources/CParquet/include/CParquet.h and nothing else. Whatever a file's types are, texts, numbers and moments
// arrive there as binary, vectors as lists of float32. No exception leaves this file, and what a file claims is bounded by `kMostMemory`.
#include <arrow/api.h>
#include <arrow/c/bridge.h>
#include <arrow/io/api.h>
#include <arrow/util/config.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "CParquet.h"
#include "values.h"

namespace {

using Path = std::vector<int>;

// MARK: Errors

void say(cparquet_message message, const std::string &text) noexcept {
  if (!message.text || message.bytes == 0) return;
  const size_t count = std::min(text.find('\n') == std::string::npos ? text.size() : text.find('\n'), message.bytes - 1);
  std::memcpy(message.text, text.data(), count);
  message.text[count] = 0;
}

template <class Body>
Status caught(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return Status::OutOfMemory("memory is short");
  } catch (const std::exception &error) {
    return Status::Invalid(error.what());
  } catch (...) {
    return Status::Invalid("an unknown error of the Arrow library");
  }
}

template <class Body>
int guarded(cparquet_message message, Body body) noexcept {
  const Status status = caught(body);
  if (status.ok()) return 0;
  say(message, status.message());
  return 1;
}

// MARK: Files

struct Column {
  std::string name;
  std::string type;
  int kind;
  bool is_uuid;
  // The place in the schema: a field, then a child of it, and so on.
  Path path;
  // The file's own columns that it is made of.
  std::vector<int> leaves;
};

void add_leaves(const parquet::arrow::SchemaField &field, std::vector<int> &leaves) {
  if (field.is_leaf()) leaves.push_back(field.column_index);
  for (const auto &child : field.children) add_leaves(child, leaves);
}

void add_columns(
    const parquet::arrow::SchemaField &field, const parquet::SchemaDescriptor &schema, const std::string &prefix, Path path, int index,
    std::vector<Column> &columns) {
  path.push_back(index);
  const auto &type = *field.field->type();
  const std::string name = prefix + field.field->name();
  if (type.id() == arrow::Type::STRUCT && !field.children.empty()) {
    for (size_t child = 0; child < field.children.size(); child++) {
      add_columns(field.children[child], schema, name + ".", path, static_cast<int>(child), columns);
    }
    return;
  }
  Column column{name, type.ToString(), kind_of(type), false, path, {}};
  add_leaves(field, column.leaves);
  if (column.leaves.empty()) column.kind = CPARQUET_OTHER;
  // pyarrow's own UUIDs are an extension of 16 bytes.
  const auto &stored = storage_of(type);
  const bool is_16 =
      stored.id() == arrow::Type::FIXED_SIZE_BINARY && static_cast<const arrow::FixedSizeBinaryType &>(stored).byte_width() == 16;
  if (is_16 && field.is_leaf()) {
    const auto &logical = schema.Column(field.column_index)->logical_type();
    column.is_uuid = logical && logical->is_UUID();
  }
  columns.push_back(std::move(column));
}

// Where a column stands among those that are read: children that are not read are not there.
Path position(const Path &path, const std::vector<Path> &read) {
  Path position;
  for (size_t depth = 0; depth < path.size(); depth++) {
    std::vector<int> before;
    for (const auto &other : read) {
      if (other.size() > depth && std::equal(path.begin(), path.begin() + depth, other.begin()) && other[depth] < path[depth]) {
        before.push_back(other[depth]);
      }
    }
    std::sort(before.begin(), before.end());
    position.push_back(static_cast<int>(std::unique(before.begin(), before.end()) - before.begin()));
  }
  return position;
}

// Batches of a selection, converted and validated.
class Batches : public arrow::RecordBatchReader {
 public:
  Batches(std::unique_ptr<arrow::RecordBatchReader> source, std::vector<Column> columns, int64_t rows)
      : source_(std::move(source)), columns_(std::move(columns)), rows_left_(rows) {
    std::vector<Path> read;
    for (const auto &column : columns_) read.push_back(column.path);
    arrow::FieldVector fields;
    for (const auto &column : columns_) {
      positions_.push_back(position(column.path, read));
      fields.push_back(arrow::field(column.name, column.kind == CPARQUET_VECTOR ? arrow::list(arrow::float32()) : arrow::binary()));
    }
    schema_ = arrow::schema(fields);
  }

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  Status ReadNext(std::shared_ptr<arrow::RecordBatch> *batch) override {
    return caught([&] { return convert_next(batch); });
  }

 private:
  Status convert_next(std::shared_ptr<arrow::RecordBatch> *result) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(source_->ReadNext(&batch));
    rows_left_ -= batch ? batch->num_rows() : 0;
    if (rows_left_ < 0 || (!batch && rows_left_ > 0)) {
      return Status::Invalid(rows_left_ < 0 ? "there are more rows than the footer says" : "there are fewer rows than the footer says");
    }
    result->reset();
    if (!batch) return Status::OK();
    arrow::ArrayVector arrays;
    for (size_t index = 0; index < columns_.size(); index++) {
      ARROW_ASSIGN_OR_RAISE(auto array, find(*batch, positions_[index]));
      ARROW_ASSIGN_OR_RAISE(array, convert(array, columns_[index]));
      arrays.push_back(std::move(array));
    }
    *result = arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(arrays));
    return (*result)->ValidateFull();
  }

  static Result<ArrayPointer> find(const arrow::RecordBatch &batch, const Path &position) {
    if (position[0] >= batch.num_columns()) return Status::Invalid("a column is missing");
    ArrayPointer array = batch.column(position[0]);
    for (size_t depth = 1; depth < position.size(); depth++) {
      if (array->type_id() != arrow::Type::STRUCT || position[depth] >= array->num_fields()) {
        return Status::Invalid("a column is missing");
      }
      ARROW_RETURN_NOT_OK(array->Validate());
      ARROW_ASSIGN_OR_RAISE(array, static_cast<const arrow::StructArray &>(*array).GetFlattenedField(position[depth], pool()));
    }
    return array;
  }

  static Result<ArrayPointer> convert(const ArrayPointer &found, const Column &column) {
    const ArrayPointer array = as_bytes(found);
    ARROW_RETURN_NOT_OK(array->ValidateFull());
    if (kind_of(*array->type()) != column.kind) return Status::Invalid("the column ", column.name, " has another type than the footer says");
    if (column.kind == CPARQUET_VECTOR) return cast(array, arrow::list(arrow::float32()));
    return column.is_uuid && array->type_id() == arrow::Type::FIXED_SIZE_BINARY ? uuids(array) : text(array);
  }

  std::unique_ptr<arrow::RecordBatchReader> source_;
  std::vector<Column> columns_;
  std::vector<Path> positions_;
  std::shared_ptr<arrow::Schema> schema_;
  // Rows that the footer promises and that have not come yet.
  int64_t rows_left_;
};

}  // namespace

struct cparquet_file {
  std::unique_ptr<parquet::arrow::FileReader> reader;
  std::vector<Column> columns;
};

namespace {

int open_file(const char *path, cparquet_file **result, cparquet_message message) {
  return guarded(message, [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(path, pool()));
    parquet::ReaderProperties properties(pool());
    // Without it, a whole column of a row group is in memory.
    properties.enable_buffered_stream();
    properties.set_buffer_size(1 << 20);
    properties.set_page_checksum_verification(true);
    parquet::arrow::FileReaderBuilder builder;
    ARROW_RETURN_NOT_OK(builder.Open(input, properties));
    parquet::ArrowReaderProperties arrow_properties(false);
    arrow_properties.set_pre_buffer(false);
    // Spark's moments of 96 bits reach beyond the years that nanoseconds do.
    arrow_properties.set_coerce_int96_timestamp_unit(arrow::TimeUnit::MICRO);
    builder.memory_pool(pool())->properties(arrow_properties);
    auto file = std::make_unique<cparquet_file>();
    ARROW_RETURN_NOT_OK(builder.Build(&file->reader));
    const auto &fields = file->reader->manifest().schema_fields;
    const auto &schema = *file->reader->parquet_reader()->metadata()->schema();
    for (size_t index = 0; index < fields.size(); index++) {
      add_columns(fields[index], schema, "", {}, static_cast<int>(index), file->columns);
    }
    int64_t rows = 0;
    for (int group = 0; group < file->reader->num_row_groups(); group++) {
      const int64_t more = file->reader->parquet_reader()->metadata()->RowGroup(group)->num_rows();
      if (more < 0 || __builtin_add_overflow(rows, more, &rows)) return Status::Invalid("a row group has no number of rows");
    }
    *result = file.release();
    return Status::OK();
  });
}

void close_file(cparquet_file *file) { delete file; }

int groups(const cparquet_file *file) { return file->reader->num_row_groups(); }

int64_t group_rows(const cparquet_file *file, int group) {
  if (group < 0 || group >= groups(file)) return 0;
  return file->reader->parquet_reader()->metadata()->RowGroup(group)->num_rows();
}

int64_t rows(const cparquet_file *file) {
  int64_t rows = 0;
  for (int group = 0; group < groups(file); group++) rows += group_rows(file, group);
  return rows;
}

int columns(const cparquet_file *file) { return static_cast<int>(file->columns.size()); }

int column(const cparquet_file *file, int index, cparquet_column *result) {
  if (index < 0 || index >= columns(file)) return 1;
  const Column &column = file->columns[static_cast<size_t>(index)];
  *result = {column.name.data(), column.name.size(), column.type.c_str(), column.kind};
  return 0;
}

int read(cparquet_file *file, const cparquet_selection *selection, ArrowArrayStream *stream, cparquet_message message) {
  return guarded(message, [&]() -> Status {
    std::vector<Column> selected;
    std::vector<int> leaves;
    for (int index = 0; index < selection->column_count; index++) {
      const int wanted = selection->columns[index];
      if (wanted < 0 || wanted >= columns(file)) return Status::Invalid("there is no column ", wanted);
      selected.push_back(file->columns[static_cast<size_t>(wanted)]);
      if (selected.back().kind == CPARQUET_OTHER) return Status::Invalid("the column ", selected.back().name, " has no texts");
      leaves.insert(leaves.end(), selected.back().leaves.begin(), selected.back().leaves.end());
    }
    if (selected.empty() || selection->batch_rows < 1) return Status::Invalid("nothing is selected");
    // In the file's own order, which the places of the columns are counted in.
    std::sort(leaves.begin(), leaves.end());
    leaves.erase(std::unique(leaves.begin(), leaves.end()), leaves.end());
    std::vector<int> wanted_groups;
    int64_t expected = 0;
    for (int group = selection->first_group; group < selection->end_group; group++) {
      if (group < 0 || group >= groups(file)) return Status::Invalid("there is no row group ", group);
      wanted_groups.push_back(group);
      expected += group_rows(file, group);
    }
    file->reader->set_batch_size(selection->batch_rows);
    ARROW_ASSIGN_OR_RAISE(auto source, file->reader->GetRecordBatchReader(wanted_groups, leaves));
    return arrow::ExportRecordBatchReader(std::make_shared<Batches>(std::move(source), std::move(selected), expected), stream);
  });
}

// MARK: Writing

// What is written goes to Swift, which puts the file in its place when it is whole.
class Sink : public arrow::io::OutputStream {
 public:
  Sink(cparquet_sink sink, void *context) : sink_(sink), context_(context) {}
  Status Close() override {
    is_closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return is_closed_; }
  Result<int64_t> Tell() const override { return position_; }
  Status Write(const void *bytes, int64_t count) override {
    if (sink_(context_, bytes, static_cast<size_t>(count)) != 0) return Status::IOError("the bytes could not be written");
    position_ += count;
    return Status::OK();
  }

 private:
  cparquet_sink sink_;
  void *context_;
  int64_t position_ = 0;
  bool is_closed_ = false;
};

std::shared_ptr<arrow::Schema> embedding_schema() {
  return arrow::schema(
      {arrow::field("id", arrow::utf8(), false),
       arrow::field("embedding", arrow::list(arrow::field("element", arrow::float32(), false)), false)});
}

std::shared_ptr<arrow::Buffer> wrapped(const void *start, int64_t bytes) {
  return std::make_shared<arrow::Buffer>(static_cast<const uint8_t *>(start), bytes);
}

}  // namespace

struct cparquet_writer {
  std::unique_ptr<parquet::arrow::FileWriter> writer;
};

namespace {

int create(cparquet_sink sink, void *context, int64_t group_rows, cparquet_writer **result, cparquet_message message) {
  return guarded(message, [&]() -> Status {
    parquet::WriterProperties::Builder builder;
    // Neither ids nor numbers repeat, so a dictionary would only be in the way.
    builder.memory_pool(pool())->compression(parquet::Compression::ZSTD)->disable_dictionary()->max_row_group_length(group_rows);
    builder.enable_page_checksum();
    auto output = std::make_shared<Sink>(sink, context);
    auto writer = std::make_unique<cparquet_writer>();
    ARROW_ASSIGN_OR_RAISE(
        writer->writer, parquet::arrow::FileWriter::Open(*embedding_schema(), pool(), std::move(output), builder.build()));
    *result = writer.release();
    return Status::OK();
  });
}

int append(
    cparquet_writer *writer, int64_t rows, const int32_t *offsets, const char *ids, const float *values, int64_t width,
    cparquet_message message) {
  return guarded(message, [&]() -> Status {
    if (rows < 0 || width < 0 || (width > 0 && rows > std::numeric_limits<int32_t>::max() / width)) {
      return Status::Invalid("too many numbers at a time");
    }
    std::vector<int32_t> starts;
    for (int64_t row = 0; row <= rows; row++) starts.push_back(static_cast<int32_t>(row * width));
    auto names = std::make_shared<arrow::StringArray>(rows, wrapped(offsets, (rows + 1) * 4), wrapped(ids, offsets[rows]));
    auto numbers = std::make_shared<arrow::FloatArray>(rows * width, wrapped(values, rows * width * 4));
    const auto schema = embedding_schema();
    auto lists = std::make_shared<arrow::ListArray>(schema->field(1)->type(), rows, wrapped(starts.data(), (rows + 1) * 4), numbers);
    const auto batch = arrow::RecordBatch::Make(schema, rows, arrow::ArrayVector{names, lists});
    ARROW_RETURN_NOT_OK(batch->ValidateFull());
    return writer->writer->WriteRecordBatch(*batch);
  });
}

int finish(cparquet_writer *writer, cparquet_message message) {
  return guarded(message, [&] { return writer->writer->Close(); });
}

void discard(cparquet_writer *writer) {
  // Closing writes the footer, which the sink refuses by then.
  (void)caught([&] {
    delete writer;
    return Status::OK();
  });
}

const cparquet_functions functions = {open_file, close_file, rows, groups, group_rows, columns, column, read, create, append, finish, discard};

}  // namespace

extern "C" {
__attribute__((visibility("default"))) int cparquet_version(void) { return CPARQUET_VERSION; }
__attribute__((visibility("default"))) const cparquet_functions *cparquet_functions(void) { return &functions; }
}
