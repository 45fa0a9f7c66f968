import CParquet
import Files

/// Writes a Parquet file of two columns: `id` (string) and `embedding` (list of float32), compressed with zstd.
///
/// The file appears under its name with `finish()` only. Row groups are bounded, so that whoever reads the file needs little memory and
/// may share it out.
package final class ParquetWriter {
  private let path: String
  private let width: Int
  private let library: ParquetLibrary
  private let sink: Sink
  private var writer: OpaquePointer?
  private var offsets: [Int32] = []
  private let ids = ByteBuffer()

  /// The most bytes of numbers in a row group (ours: what one thread reads in a moment).
  private static let groupBytes = 64 << 20

  /// Starts a file of vectors of `width` numbers.
  ///
  /// Throws `InputError` when the library is missing or the file cannot be created.
  package init(path: String, width: Int) throws {
    library = try ParquetLibrary.shared()
    (self.path, self.width) = (path, width)
    sink = Sink(try AtomicFile(path: path))
    let groupRows = Int64(max(1, Self.groupBytes / 4 / max(1, width)))
    let write: cparquet_sink = { context, bytes, count in
      guard let context else { return 1 }
      return Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
        .write(UnsafeRawBufferPointer(start: bytes, count: count)) ? 0 : 1
    }
    // The sink lives as long as this object, and so longer than the writer.
    let context = Unmanaged.passUnretained(sink).toOpaque()
    try call { library.functions.table.create(write, context, groupRows, &writer, $0) }
  }

  deinit {
    sink.isClosed = true
    if let writer { library.functions.table.discard(writer) }
  }

  /// Appends a row for each id; `values` holds their numbers row behind row.
  ///
  /// Throws `InputError` when the disk refuses them.
  package func append(ids names: [String], values: UnsafeBufferPointer<Float>) throws {
    precondition(values.count == names.count * width, "\(values.count) numbers for \(names.count) rows of \(width)")
    guard !names.isEmpty else { return }
    ids.removeAll()
    offsets.removeAll(keepingCapacity: true)
    offsets.append(0)
    for var name in names {
      name.withUTF8 { ids.append(UnsafeRawBufferPointer($0)) }
      guard let end = Int32(exactly: ids.count) else { throw InputError("\(path): the ids of a block are over 2 GiB") }
      offsets.append(end)
    }
    let bytes = ids[0..<ids.count].assumingMemoryBound(to: CChar.self)
    try call {
      library.functions.table.append(writer, Int64(names.count), offsets, bytes.baseAddress, values.baseAddress, Int64(width), $0)
    }
  }

  /// Writes the footer and puts the file under its name.
  ///
  /// Throws `InputError` when the disk refuses that.
  package func finish() throws {
    try call { library.functions.table.finish(writer, $0) }
    try sink.commit()
  }

  private func call(_ body: (cparquet_message) -> Int32) throws {
    do {
      try ParquetLibrary.call({ "cannot write \(path): \($0)" }, body)
    } catch {
      // The disk's own reason says more.
      throw sink.failure ?? error
    }
  }

  /// Where the library's bytes go.
  private final class Sink {
    /// Why the disk refused bytes, if it did.
    private(set) var failure: (any Error)?
    /// Whether further bytes are of no use.
    var isClosed = false
    private var file: AtomicFile?

    init(_ file: consuming AtomicFile) { self.file = consume file }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
      guard !isClosed, failure == nil else { return false }
      do {
        try file?.write(bytes)
        return true
      } catch {
        failure = error
        return false
      }
    }

    func commit() throws {
      isClosed = true
      if let file = file.take() { try file.commit() }
    }
  }
}
