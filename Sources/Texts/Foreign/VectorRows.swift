import Files

/// What a file of items' vectors is, told from its first bytes.
enum VectorFileKind {
  /// A NumPy array.
  case numpy
  /// A safetensors file.
  case safetensors
  /// A Parquet file.
  case parquet
  /// Objects, a line each, perhaps compressed.
  case lines

  /// Looks at a file; one that cannot be looked at is left to the reader of lines, which says why.
  init(_ path: String) {
    guard path != "-", let file = try? MappedFile(path: path) else {
      self = .lines
      return
    }
    self = file.withBytes { bytes in
      if bytes.starts(with: NumpyFile.magic) { return .numpy }
      if bytes.starts(with: "PAR1".utf8) { return .parquet }
      // Eight bytes of a header's length that the file has room for, then an object.
      guard bytes.count >= 9, bytes[8] == UInt8(ascii: "{") else { return .lines }
      let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      return length <= UInt64(bytes.count - 8) ? .safetensors : .lines
    }
  }
}

/// Vectors of one width, a row each: a view of a mapped file, or numbers that were read.
struct VectorRows {
  /// The widest vector that is read, as of token states.
  static let largestWidth = TokenStates.largestExtent
  /// The number of rows.
  let count: Int
  /// The numbers of a row.
  let width: Int
  /// How they are stored.
  let type: ElementType
  /// What the file says of where they are from; empty for most.
  let metadata: [String: String]
  /// The rows of a mapped file; empty where numbers were read.
  private nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
  /// The numbers that were read; empty where a file is mapped.
  private let numbers: [Float]
  /// Keeps the file mapped, and takes bytes that were read out of this process's memory.
  private let forget: @Sendable (UnsafeRawBufferPointer) -> Void

  /// Maps an array of NumPy.
  ///
  /// - Throws: `InputError` when it is damaged or no table of vectors.
  init(numpy path: String) throws {
    let file = try NumpyFile(path: path)
    guard file.shape.count == 2, (1...Self.largestWidth).contains(file.shape[1]) else {
      throw InputError(
        "\(path) has the extents \(file.shape); one vector an item is wanted, [items, width] with a width of 1 to \(Self.largestWidth)"
      )
    }
    (count, width, type, metadata) = (file.shape[0], file.shape[1], file.type, [:])
    (bytes, numbers) = (file.bytes, [])
    forget = { file.forget($0) }
  }

  /// Maps the tensor `embeddings` of a safetensors file, or its only one.
  ///
  /// - Throws: `InputError` when the file is damaged or has no table of vectors.
  init(safetensors path: String) throws {
    let file = try SafetensorsFile(path: path)
    let only = file.tensors.count == 1 ? file.tensors.values.first : nil
    guard let info = file.tensors["embeddings"] ?? only else {
      let hint =
        file.tensors["states"] != nil && file.tensors["offsets"] != nil ? "; if it has token states, give it with --states" : ""
      throw InputError("\(path) has \(file.tensors.count) tensors and none is called \"embeddings\"\(hint)")
    }
    guard info.shape.count == 2, (1...Self.largestWidth).contains(info.shape[1]), info.type.isFloatingPoint else {
      throw InputError(
        "\(path): tensor \"\(info.name)\" is \(info.type.rawValue) of \(info.shape); one vector an item is wanted, floating-point "
          + "[items, width] with a width of 1 to \(Self.largestWidth)")
    }
    (count, width, type, metadata) = (info.shape[0], info.shape[1], info.type, file.metadata)
    (bytes, numbers) = (try file.bytes(info.name), [])
    forget = { file.forget($0) }
  }

  /// Takes numbers that were read, `width` a row.
  init(_ values: [Float], width: Int) {
    (count, self.width, type, metadata) = (values.count / width, width, .f32, [:])
    (bytes, numbers) = (UnsafeRawBufferPointer(start: nil, count: 0), values)
    forget = { _ in }
  }

  /// Writes a row's numbers to `output`, which has room for `width`.
  func copy(_ row: Int, into output: UnsafeMutablePointer<Float>) {
    guard numbers.isEmpty else {
      for column in 0..<width { output[column] = numbers[row * width + column] }
      return
    }
    type.decode(raw(row..<row + 1), into: output)
  }

  /// How many rows are read before they are let go of: 64 MiB.
  var rowsToForget: Int { max(1, (64 << 20) / (width * type.size)) }

  /// Takes rows that were read out of this process's memory, where a file has them.
  func forget(_ rows: Range<Int>) {
    if numbers.isEmpty { forget(raw(rows)) }
  }

  private func raw(_ rows: Range<Int>) -> UnsafeRawBufferPointer {
    let size = width * type.size
    return UnsafeRawBufferPointer(rebasing: bytes[rows.lowerBound * size..<rows.upperBound * size])
  }
}
