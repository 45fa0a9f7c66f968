import Files
import Parquet
import Preparation
import Reporting
import Tensors

/// Writes one table of embeddings with its ids, block by block: `NAME.safetensors` or `NAME.npy` with `NAME.txt`, or `NAME.jsonl`
/// or `NAME.parquet`.
///
/// Each file appears under its name with `finish()` only.
final class EmbeddingFile {
  /// Whether ids stand in a list of lines.
  private let hasList: Bool
  private let rows: Int
  private let width: Int
  private var written = 0
  private var tensors: SafetensorsWriter?
  private var plain: AtomicFile?
  private var objects: AtomicFile?
  private var table: ParquetWriter?
  private var ids: AtomicFile?

  /// Starts the files of `rows` rows in a folder.
  ///
  /// - Parameter metadata: free text for the safetensors header: where the numbers come from.
  /// - Throws: `InputError` when a file cannot be created.
  init(
    folder: String, name: String, format: EmbeddingFormat, rows: Int, width: Int, metadata: [String: String] = [:]
  ) throws {
    self.rows = rows
    self.width = width
    switch format {
    case .safetensors:
      let spec = TensorSpec("embeddings", .f32, [rows, width])
      tensors = try SafetensorsWriter(path: "\(folder)/\(name).safetensors", tensors: [spec], metadata: metadata)
    case .npy:
      var file = try AtomicFile(path: "\(folder)/\(name).npy")
      try Self.numpyHeader(rows: rows, width: width).withUnsafeBytes { try file.write($0) }
      plain = consume file
    case .jsonl:
      objects = try AtomicFile(path: "\(folder)/\(name).jsonl")
    case .parquet:
      table = try ParquetWriter(path: "\(folder)/\(name).parquet", width: width)
    }
    hasList = format == .safetensors || format == .npy
    if hasList { ids = try AtomicFile(path: "\(folder)/\(name).txt") }
  }

  /// Appends rows; `id` names row `i` of the block.
  ///
  /// Throws `InputError` when the disk refuses them, or a number is not finite.
  package func append(_ block: Matrix, id: (Int) -> String) throws {
    precondition(block.columns == width && written + block.rows <= rows, "\(block.shape) after \(written) of [\(rows), \(width)]")
    guard block.isFinite else {
      throw InputError("the embedding of a row after \(written) has NaN or infinity in it; train the model again")
    }
    written += block.rows
    let values = UnsafeBufferPointer(block.buffer)
    try tensors?.write(values)
    try plain?.write(UnsafeRawBufferPointer(values))
    try table?.append(ids: (0..<block.rows).map(id), values: values)
    for row in 0..<block.rows {
      guard !hasList || !IdentifierLines.cannotHold(id(row)) else {
        throw InputError(
          "the id \(id(row)) has a line separator in it, so that a list of ids would be off by a line; give --format jsonl or "
            + "parquet, or prepare the data set again")
      }
      try ids?.write(id(row) + "\n")
      try objects?.write(Self.object(id(row), UnsafeBufferPointer(rebasing: values[row * width..<(row + 1) * width])))
    }
  }

  /// Puts the files under their names; traps when rows are missing.
  package func finish() throws {
    precondition(written == rows, "\(written) of \(rows) rows were written")
    if let tensors = tensors.take() { try tensors.finish() }
    if let plain = plain.take() { try plain.commit() }
    try table?.finish()
    if let objects = objects.take() { try objects.commit() }
    if let ids = ids.take() { try ids.commit() }
  }

  private static func object(_ id: String, _ values: UnsafeBufferPointer<Float>) -> String {
    var text = "{\"id\":\(JSONValue.string(id).line),\"embedding\":["
    for (index, value) in values.enumerated() { text += index == 0 ? "\(value)" : ",\(value)" }
    return text + "]}\n"
  }

  /// Magic, version 1.0, a length and a Python dictionary padded so that the numbers begin at a multiple of 64 bytes.
  static func numpyHeader(rows: Int, width: Int) -> [UInt8] {
    let text = "{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(width)), }"
    let prefix = 10
    let length = (prefix + text.utf8.count + 1 + 63) / 64 * 64 - prefix
    let padding = String(repeating: " ", count: length - text.utf8.count - 1)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array("\(text)\(padding)\n".utf8)
  }
}

/// How embeddings are written.
package enum EmbeddingFormat: String, Sendable, CaseIterable {
  /// A safetensors file with one tensor `embeddings` [rows, d] F32; ids beside it in a text file, a line each.
  case safetensors
  /// NumPy's format, version 1.0, float32 [rows, d]; ids beside it in a text file, a line each.
  case npy
  /// An object a line: `{"id":"…","embedding":[…]}`, each number with as many digits as name it exactly.
  case jsonl
  /// Parquet with the columns `id` (string) and `embedding` (list of float32).
  case parquet
}
