import Collectives
import Files

/// A safetensors file that all ranks write at once, each its own rows of every tensor, at their places.
///
/// Ours. Rank 0 makes the file under a temporary name and gives it its size, the others open it there. Once all have brought what they
/// wrote to the disk, it gets its name. The ranks' rows of a tensor lie one behind the other in rank order, so the checksum
/// of the whole is put together from theirs: nobody reads the file again.
final class SharedTensors {
  /// Bytes that a rank wrote, and their checksum.
  private struct Sum {
    var count = 0
    var checksum = CRC32()
  }

  private let communicator: any Communicator
  private let layout: SafetensorsLayout
  private let tensors: [TensorSpec]
  /// Rank 0's alone.
  private var file: AtomicFile?
  private let part: FilePart
  private var current = 0
  /// What this rank wrote of each tensor.
  private var sums: [Sum]

  /// Starts a file; collective.
  ///
  /// - Parameters:
  ///   - path: The final name.
  ///   - tensors: What will be written; every rank knows all of it.
  ///   - metadata: Free text entries for the header.
  /// - Throws: `InputError` on all ranks when the file cannot be created, or a rank does not see it.
  init(path: String, tensors: [TensorSpec], metadata: [String: String], on communicator: any Communicator) throws {
    self.communicator = communicator
    self.tensors = tensors
    layout = SafetensorsLayout(tensors: tensors, metadata: metadata)
    sums = Array(repeating: Sum(), count: tensors.count)
    let layout = layout
    var file = try communicator.agree(on: InputError.init) { communicator.isFirst ? try AtomicFile(path: path) : nil }
    let shared = try communicator.agree(on: InputError.init) { try file?.share(size: layout.size) }
    self.file = file
    let place = try communicator.broadcast(shared)
    part = try communicator.agree(on: InputError.init) {
      let part = try FilePart(path: place)
      if communicator.isFirst { try layout.header.withUnsafeBytes { try part.write($0) } }
      return part
    }
  }

  /// Goes on with the rows of a tensor that are this rank's; to be called once for each tensor that it has rows of.
  ///
  /// - Parameter element: how many elements of the tensor lie before them.
  func begin(_ tensor: Int, at element: Int) throws {
    current = tensor
    try part.move(to: layout.starts[tensor] + element * tensors[tensor].type.size)
  }

  /// Writes bytes of the tensor begun.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    sums[current].checksum.update(bytes)
    sums[current].count += bytes.count
    try part.write(bytes)
  }

  /// Writes values of the tensor begun.
  func write<T: BitwiseCopyable>(_ values: [T]) throws {
    try values.withUnsafeBytes { try write($0) }
  }

  /// Gives the file its name once all ranks have written; collective.
  ///
  /// From then on every rank can open it.
  ///
  /// - Returns: The CRC-32 of the whole file.
  /// - Throws: `InputError` when a disk refuses.
  func finish() throws -> UInt32 {
    try communicator.agree(on: InputError.init) { try part.flush() }
    let checksum = try checksum()
    try communicator.agree(on: InputError.init) { try file.take()?.commit() }
    return checksum
  }

  /// Puts the checksum together from those of the header and of each rank's rows of each tensor.
  private func checksum() throws -> UInt32 {
    let all = try communicator.gather(sums.flatMap { [$0.count, Int($0.checksum.value)] })
    var checksum = layout.header.withUnsafeBytes { CRC32.of($0) }
    for (index, tensor) in tensors.enumerated() {
      var written = 0
      for rank in 0..<communicator.size {
        let entry = 2 * (rank * tensors.count + index)
        checksum = CRC32.combined(checksum, UInt32(all[entry + 1]), count: all[entry])
        written += all[entry]
      }
      precondition(written == tensor.byteCount, "the ranks wrote \(written) bytes of \(tensor)")
    }
    return checksum
  }
}
