import Model
import Tensors

/// A model's numbers as they were after a step, in memory of their own: what is written while training goes on.
///
/// The memory is taken at the first copy and kept for the next.
final class CheckpointCopy {
  /// The flat dense values and both moments, one behind the other; empty on all ranks but the first.
  private(set) var dense = Storage<Float>(count: 0)
  private var tables: [CheckpointLayout.Kind: [TableBlock]] = [:]
  private var storages: [String: Storage<UInt8>] = [:]

  /// The bytes of memory that a copy of these contents takes on this rank besides what earlier copies have taken.
  func missingBytes(_ contents: CheckpointContents, isFirstRank: Bool) -> Int {
    let blocks = contents.kinds.flatMap(contents.blocks).filter { storages[$0.name] == nil }
    let flat = isFirstRank && dense.count == 0 ? 3 * 4 * contents.model.parameters.values.count : 0
    return blocks.reduce(flat) { $0 + $1.lines.bytes.count }
  }

  /// Takes the memory for a copy of everything; returns what is new of it, whose pages are not there yet.
  func reserve(_ contents: CheckpointContents) -> [Storage<UInt8>] {
    contents.kinds.flatMap(contents.blocks).compactMap { block in
      storages[block.name] == nil ? storage(of: block) : nil
    }
  }

  private func storage(of block: TableBlock) -> Storage<UInt8> {
    let count = block.lines.bytes.count
    let storage = storages[block.name] ?? Storage<UInt8>(count: count)
    precondition(storage.count == count, "\(block.name) has \(count) bytes, its copy \(storage.count)")
    storages[block.name] = storage
    return storage
  }

  /// Copies everything.
  func take(_ contents: CheckpointContents, isFirstRank: Bool) {
    for kind in contents.kinds {
      tables[kind] = contents.blocks(kind).map { block in
        let (source, storage) = (block.lines.bytes, storage(of: block))
        if let start = source.baseAddress {
          UnsafeMutableRawPointer(storage.base).copyMemory(from: start, byteCount: source.count)
        }
        let lines = StoredRows(storage.base, block.lines.element, rows: block.lines.rows, columns: block.lines.columns)
        return TableBlock(name: block.name, lines: lines, isPerToken: block.isPerToken)
      }
    }
    guard isFirstRank, let optimizer = contents.optimizer else { return }
    let parts = [contents.model.parameters.values, optimizer.firstMoments, optimizer.secondMoments]
    if dense.count == 0 { dense = Storage(count: 3 * parts[0].count) }
    for (index, part) in parts.enumerated() { (dense.base + index * part.count).update(from: part.base, count: part.count) }
  }

  /// The copied blocks of a kind of file.
  func blocks(_ kind: CheckpointLayout.Kind) -> [TableBlock] { tables[kind] ?? [] }
}
