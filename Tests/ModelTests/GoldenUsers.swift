import Collectives
import Model
import Tensors
import TestSupport

/// A golden case's padded sequences as packed batches; e holds every item, so an item's row is its id.
final class GoldenUsers {
  let packed: PackedBatch
  let input: SequenceEmbedding.Input
  let universal: StepBatch
  let targeted: StepBatch
  private let valid: [Bool]
  private var lists: [Storage<Int32>] = []

  init(_ golden: GoldenCase) throws {
    let length = golden.config.length
    let items = try golden.file.ints("items")
    let count = items.count / (length + 1)
    valid = try golden.file.bools("valid")
    var starts = [0]
    var columns: [(user: Int, position: Int)] = []
    for user in 0..<count {
      for position in 0..<length where valid[user * length + position] { columns.append((user, position)) }
      starts.append(columns.count)
    }
    var kept: [Storage<Int32>] = []
    func list(_ values: [Int]) -> RowList {
      let storage = Storage<Int32>(count: values.count)
      for (index, value) in values.enumerated() { storage.base[index] = Int32(value) }
      kept.append(storage)
      return RowList(storage.buffer)
    }
    func side(_ name: String, _ rows: Int) throws -> RowList? {
      guard rows > 0 else { return nil }
      let values = try golden.file.ints(name)
      return list(columns.map { values[$0.user * length + $0.position] })
    }
    keys = Storage(count: columns.count)
    (times, requests) = (Storage(count: columns.count), Storage(count: count))
    if golden.config.time != .none {
      let (all, asked) = (try golden.file.ints("time"), try golden.file.ints("request_time"))
      for (row, position) in columns.enumerated() { times.base[row] = Int64(all[position.user * length + position.position]) }
      for user in 0..<count { requests.base[user] = Int64(asked[user]) }
    }
    packed = PackedBatch(
      starts: list(starts), rowKeys: keys.base, times: .init(events: times.base, requests: requests.base))
    input = SequenceEmbedding.Input(
      items: list(columns.map { items[$0.user * (length + 1) + $0.position] }),
      scenes: try side("scene_index", golden.config.scenes), behaviors: try side("behavior_index", golden.config.behaviors))
    let next = list(columns.map { items[$0.user * (length + 1) + $0.position + 1] })
    let last = list((0..<count).map { items[$0 * (length + 1) + length] })
    let negativeIds = list(try golden.file.ints("negative"))
    logQ = Storage(count: negativeIds.count)
    if golden.config.logQ { logQ.base.update(from: try golden.file.floats("log_q"), count: negativeIds.count) }
    let negatives = SampledSoftmax.Negatives(
      rows: negativeIds, ids: negativeIds, logQ: golden.config.logQ ? UnsafePointer(logQ.base) : nil)
    let users = Storage<Int>(count: 1)
    users.base[0] = count
    usersOfRanks = users
    let (packed, input) = (packed, input)
    func batch(_ targets: RowList) -> StepBatch {
      StepBatch(
        packed: packed, input: input, targetRows: targets, targets: targets, negatives: negatives,
        usersOfRanks: UnsafeBufferPointer(users.buffer), globalPositions: columns.count,
        communicator: SoloCommunicator())
    }
    (universal, targeted) = (batch(next), batch(last))
    lists = kept
  }

  /// Packed rows back into `[B, n, d]` with zeros where there is no event.
  func unpack(_ hidden: Matrix, length: Int) -> [Float] {
    var row = 0
    return valid.flatMap { isEvent -> [Float] in
      guard isEvent else { return [Float](repeating: 0, count: hidden.columns) }
      defer { row += 1 }
      return Array(UnsafeBufferPointer(start: hidden.row(row), count: hidden.columns))
    }
  }

  private let keys: Storage<UInt64>
  private let times: Storage<Int64>
  private let requests: Storage<Int64>
  private let usersOfRanks: Storage<Int>
  private let logQ: Storage<Float>
}
