import Collectives
import Files
import Host
import Model
import Synchronization
import Tensors

/// The item table on its way into this rank's files: from the owners of rows to the ranks that write them, slice by slice.
///
/// All ranks go through the same list of slices. Each moves its own part on when it has time (`advance`) and waits for nobody, so
/// that training goes on meanwhile; the files are written by the queue.
final class RowStream {
  /// What of a table a stream needs to know besides its numbers: the same for every checkpoint of a phase.
  struct Table {
    let layout: CheckpointLayout
    /// The first tensor of each of this rank's files, by the file's number: the items' keys, or their numbers of tokens.
    let keys: [Int: [Int64]]
    let tokenCounts: [Int: [Int32]]
  }

  /// How much of a file is on its way at once.
  private static let sliceBytes = 2 << 20
  /// Slices that wait for the disk, at most.
  private static let mostWaiting = 4
  /// Whether everything has been handed to the queue.
  private(set) var isDone = true
  private let items: ItemTable
  private let communicator: any Communicator
  private let queue: FileQueue
  private let gatherer: RowGatherer
  private let buffers: BufferPool
  private var steps: ArraySlice<Step> = []
  private var folder = ""
  private var owner: AnyObject
  private var isWaiting = false

  init(_ items: ItemTable, communicator: any Communicator, queue: FileQueue) {
    self.items = items
    self.communicator = communicator
    self.queue = queue
    owner = items
    gatherer = RowGatherer(items.partition, communicator: communicator)
    buffers = BufferPool(count: Self.mostWaiting)
  }

  /// Starts to write a table's files into a folder; `blocks`, memory of `owner`, must keep their numbers until the stream and the queue
  /// are done.
  func begin(_ tables: [(table: Table, blocks: [TableBlock])], of owner: AnyObject, folder: String) {
    precondition(isDone && !isWaiting, "a stream is begun before it is done")
    self.owner = owner
    self.folder = folder
    steps = tables.flatMap { steps($0.table, $0.blocks) }[...]
    isDone = false
  }

  /// Moves on by a slice at most, without waiting; false when there was nothing to do.
  @discardableResult
  func advance() throws -> Bool {
    guard !isDone else { return false }
    if isWaiting { return try receive() }
    while let step = steps.first {
      switch step {
      case .open(let name, let tensors, let table, let file): open(name, tensors, table, file)
      case .close(let name): queue.close(name)
      case .slice(let block, let runs, let counts):
        // A slice sets out only when there is room to put it.
        guard communicator.size == 1 || buffers.hasFree else { return false }
        try gatherer.start(lines(block, counts), runs)
        isWaiting = true
      }
      steps.removeFirst()
      if isWaiting { return true }
    }
    isDone = true
    return true
  }

  private func receive() throws -> Bool {
    var buffer: Int?
    let arrived = try gatherer.poll { bytes in
      let (number, memory) = buffers.take(bytes)
      buffer = number
      return memory
    }
    guard let arrived else { return false }
    isWaiting = false
    if let buffer {
      queue.append(arrived) { [buffers] in buffers.give(buffer) }
    } else if !arrived.isEmpty {
      queue.append(arrived)
    }
    return true
  }

  private enum Step {
    case open(name: String, tensors: [TensorSpec], table: Table, file: Int)
    case slice(TableBlock, runs: [Range<Int>], counts: ArraySlice<Int32>)
    case close(name: String)
  }

  private func open(_ name: String, _ tensors: [TensorSpec], _ table: Table, _ file: Int) {
    queue.open("\(folder)/\(name)", tensors)
    // The table keeps the arrays as long as the queue needs them.
    if let keys = table.keys[file] { queue.run(writing: keys) }
    if let counts = table.tokenCounts[file] { queue.run(writing: counts) }
  }

  /// The list of a table's steps: in rounds of a file a rank.
  private func steps(_ table: Table, _ blocks: [TableBlock]) -> [Step] {
    let (files, size) = (table.layout.files, communicator.size)
    return stride(from: 0, to: files.count, by: size).flatMap { first -> [Step] in
      let runs = (0..<size).map { first + $0 < files.count ? files[first + $0] : 0..<0 }
      let number = first + communicator.rank
      let slices = slices(table, blocks, runs, number)
      guard number < files.count else { return slices }
      let name = table.layout.name(number)
      return [.open(name: name, tensors: specs(table, blocks, number), table: table, file: number)] + slices + [
        .close(name: name)
      ]
    }
  }

  private func slices(_ table: Table, _ blocks: [TableBlock], _ runs: [Range<Int>], _ number: Int) -> [Step] {
    let (longest, own) = (runs.map(\.count).max() ?? 0, runs[communicator.rank])
    return blocks.flatMap { block in
      let rows = max(1, Self.sliceBytes / max(CheckpointLayout.bytesPerRow(block, items), 1))
      return stride(from: 0, to: longest, by: rows).map { done -> Step in
        let parts = runs.map { min($0.lowerBound + done, $0.upperBound)..<min($0.lowerBound + done + rows, $0.upperBound) }
        let mine = parts[communicator.rank]
        let counts = block.isPerToken ? table.tokenCounts[number] : nil
        return .slice(
          block, runs: parts, counts: counts?[(mine.lowerBound - own.lowerBound)..<(mine.upperBound - own.lowerBound)] ?? [])
      }
    }
  }

  private func specs(_ table: Table, _ blocks: [TableBlock], _ number: Int) -> [TensorSpec] {
    let rows = table.layout.files[number].count
    let counts = table.tokenCounts[number] ?? []
    let tokens = counts.reduce(0) { $0 + Int($1) }
    let head = TensorSpec(table.layout.kind.head, table.layout.kind == .items ? .i64 : .i32, [rows])
    return [head] + blocks.map { TensorSpec($0.name, $0.elementType, [$0.isPerToken ? tokens : rows, $0.lines.columns]) }
  }

  private func lines(_ block: TableBlock, _ counts: ArraySlice<Int32>) -> RowGatherer.Lines {
    RowGatherer.Lines(
      base: block.lines.base, owner: owner, bytes: block.lineBytes,
      ofLocalRows: { [items] in items.lines(of: block, localRows: $0) },
      count: { block.isPerToken ? Int(counts[counts.startIndex + $0]) : 1 })
  }
}

extension FileQueue {
  /// Adds an array's numbers to the file.
  fileprivate func run<Number: BitwiseCopyable & Sendable>(writing numbers: [Number]) {
    run { [self] in try write(numbers) }
  }
}

extension TableBlock {
  /// How a block is stored in files.
  var elementType: ElementType {
    switch lines.element {
    case .fp32: .f32
    case .bf16: .bf16
    case .fp16: .f16
    }
  }
}

/// A few pieces of memory that a rank fills and a file queue gives back.
final class BufferPool: @unchecked Sendable {
  // Unchecked: a piece belongs to the rank from `take` until it is queued, then to the queue until `give`.
  private let storages: [NumberList<UInt8>]
  private let free: Mutex<[Int]>

  init(count: Int) {
    storages = (0..<count).map { _ in NumberList() }
    free = Mutex(Array(0..<count))
  }

  var hasFree: Bool { free.withLock { !$0.isEmpty } }

  /// A free piece, grown to so many bytes; there must be one.
  func take(_ bytes: Int) -> (number: Int, memory: UnsafeMutableRawPointer) {
    guard let number = free.withLock({ $0.popLast() }) else { preconditionFailure("no buffer is free") }
    guard let memory = storages[number].resize(to: max(bytes, 1)).baseAddress else { preconditionFailure("no memory") }
    return (number, UnsafeMutableRawPointer(memory))
  }

  func give(_ number: Int) { free.withLock { $0.append(number) } }
}
