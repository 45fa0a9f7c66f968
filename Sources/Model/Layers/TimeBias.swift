package import Tensors

/// The moment that the time between a query and a key is counted from.
package enum TimeAnchor: String, Sendable {
  /// The query's own event: what lies between two events of the sequence.
  case gaps
  /// The event that the query is to predict: the next one's time, and for the newest position that of the request.
  case request
}

/// A relative time bias of attention: `score + time[head, bucket]`, by the seconds between query and key.
///
/// Buckets are `floor(ln(max(1, |seconds|)) / 0.301)`, 128 of them, as in HSTU (Zhai and others 2024, arXiv 2402.17152), which counts
/// the time from the event to be predicted (`TimeAnchor.request`) and has one row for all heads. A row a head is ours.
struct TimeBias {
  private let table: Parameter

  /// Declares `time` `[H, 128]` under the block's name.
  package static func specs(_ name: String, heads: Int) -> [ParameterSpec] {
    [ParameterSpec("\(name).time", [heads, TimeBiasRows.buckets], .normal(deviation: 0.02), decays: false)]
  }

  /// Finds the parameter in an arena; nil where there is none.
  init?(_ name: String, in arena: ParameterArena) {
    guard let table = arena.find("\(name).time") else { return nil }
    self.table = table
  }

  /// The bias of one sequence, at these rows of the batch.
  func rows(_ rows: Range<Int>, of ages: PackedBatch.Ages) -> TimeBiasRows {
    bias(queries: rows, keys: rows, ages)
  }

  /// The bias of a sequence's newest position over all of it.
  func newest(_ rows: Range<Int>, of ages: PackedBatch.Ages) -> TimeBiasRows {
    bias(queries: rows.suffix(1), keys: rows, ages)
  }

  private func bias(queries: Range<Int>, keys: Range<Int>, _ ages: PackedBatch.Ages) -> TimeBiasRows {
    TimeBiasRows(
      queryAges: UnsafeBufferPointer(start: ages.queries + queries.lowerBound, count: queries.count),
      keyAges: UnsafeBufferPointer(start: ages.keys + keys.lowerBound, count: keys.count), bias: table.value,
      gradient: table.gradient)
  }
}

extension PackedBatch {
  /// When the positions' events were, and when the events to be predicted.
  package struct Times {
    /// The time of each position's event in seconds, T numbers; inside a sequence they never fall.
    package let events: UnsafePointer<Int64>
    /// The time of each sequence's request in seconds, B numbers: of the event that its newest position is to predict.
    package let requests: UnsafePointer<Int64>

    /// Describes a batch's times.
    package init(events: UnsafePointer<Int64>, requests: UnsafePointer<Int64>) {
      self.events = events
      self.requests = requests
    }
  }

  /// Seconds from each position's moment, as query and as key, to its sequence's newest event.
  ///
  /// Beyond 34 years they stay at 34 years, so that a difference of two is a number of 32 bits.
  struct Ages {
    let queries: UnsafePointer<Int32>
    let keys: UnsafePointer<Int32>

    private static let most: Int64 = 1 << 30 - 1

    static func age(_ time: Int64, at moment: Int64) -> Int32 {
      let (age, isOver) = moment.subtractingReportingOverflow(time)
      if isOver { return Int32(moment < time ? -most : most) }
      return Int32(min(max(age, -most), most))
    }
  }

  /// The batch with its positions' ages, in the workspace.
  package func aged(_ anchor: TimeAnchor, workspace: Workspace) -> PackedBatch {
    guard let times else { preconditionFailure("a model with a time bias reads a batch without times") }
    let keys = workspace.take(Int32.self, positions)
    let queries = anchor == .gaps ? keys : workspace.take(Int32.self, positions)
    for user in 0..<users {
      let rows = rows(of: user)
      guard let last = rows.last else { continue }
      for row in rows { keys[row] = Ages.age(times.events[row], at: times.events[last]) }
      guard anchor == .request else { continue }
      for row in rows where row < last { queries[row] = keys[row + 1] }
      queries[last] = Ages.age(times.requests[user], at: times.events[last])
    }
    var batch = self
    batch.ages = Ages(queries: queries, keys: keys)
    return batch
  }
}
