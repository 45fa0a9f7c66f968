import Host

extension Communicator {
  /// Returns once the channel's exchange is done.
  ///
  /// Before it throws, the rank withdraws: callers may free the memory that they have given.
  package func wait(_ channel: Int) throws {
    do {
      var backoff = Backoff()
      while try !poll(channel) { try backoff.pause(self, on: channel) }
    } catch {
      withdraw()
      throw error
    }
  }

  /// Waits until nothing of this rank is under way: its world may be ended then.
  package func settle() throws {
    for channel in 0..<Channels.count { try wait(channel) }
  }

  /// Rank r's `send` segment for rank q becomes q's `receive` segment from r; counts are in rows of `each` elements.
  ///
  ///     rank 0 sends [a | b b], rank 1 sends [c c | d]
  ///     rank 0 gets  [a | c c], rank 1 gets  [b b | d]
  ///
  /// - Parameter pattern: what all ranks know of all counts.
  package func allToAll<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, counts sendCounts: some Collection<Int>,
    into receive: UnsafeMutableBufferPointer<Element>, counts receiveCounts: some Collection<Int>, each: Int = 1,
    pattern: Exchange.Pattern = .any, as traffic: Traffic = .other
  ) throws {
    state.exchange.cut(send, counts: sendCounts, into: receive, counts: receiveCounts, each: each, pattern: pattern)
    try complete(as: traffic)
  }

  /// Every rank gets all ranks' `send`, one behind the other in rank order.
  ///
  ///     rank 0 sends [a], rank 1 sends [b b]   →   both get [a | b b], counts [1, 2]
  package func allGather<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>, counts: some Collection<Int>,
    each: Int = 1, as traffic: Traffic = .other
  ) throws {
    state.exchange.spread(send, into: receive, counts: counts, each: each)
    try complete(as: traffic)
  }

  /// Every rank gives values for all; rank r gets the sum of the ranks' r-th segments, added in rank order.
  ///
  ///     rank 0 gives [1 | 2 3], rank 1 gives [10 | 20 30], counts [1, 2]
  ///     rank 0 gets  [11],      rank 1 gets  [22 33]
  package func reduceScatter(
    _ values: UnsafeBufferPointer<Float>, counts: some Collection<Int>, each: Int = 1,
    into receive: UnsafeMutableBufferPointer<Float>, as traffic: Traffic = .other
  ) throws {
    try scatter(values, counts: counts, each: each, into: receive, as: traffic)
  }

  /// `values` becomes the sum over the ranks, added in rank order, on every rank.
  ///
  ///     rank 0 holds [1, 2], rank 1 holds [10, 20]   →   both hold [11, 22]
  package func allReduce(_ values: UnsafeMutableBufferPointer<Float>, as traffic: Traffic = .other) throws {
    try reduce(values, as: traffic)
  }

  /// The same for doubles: counts and losses.
  package func allReduce(_ values: UnsafeMutableBufferPointer<Double>, as traffic: Traffic = .other) throws {
    try reduce(values, as: traffic)
  }

  /// Returns once every rank has called it.
  package func barrier() throws {
    for rank in 0..<size { (state.exchange.send[rank], state.exchange.receive[rank]) = (.empty, .empty) }
    state.exchange.pattern = .oneForAll
    try complete(as: .other)
  }

  // MARK: For a few numbers

  /// Sums a few doubles over the ranks.
  package func sum(_ values: [Double], as traffic: Traffic = .sums) throws -> [Double] {
    var sums = values
    try sums.withUnsafeMutableBufferPointer { try allReduce($0, as: traffic) }
    return sums
  }

  /// Tells every rank how many elements each rank will send it: `counts[q]` go to rank q.
  package func exchangeCounts(_ counts: [Int], as traffic: Traffic = .other) throws -> [Int] {
    let ones = repeatElement(1, count: size)
    var received = [Int](repeating: 0, count: size)
    try counts.withUnsafeBufferPointer { send in
      try received.withUnsafeMutableBufferPointer {
        try allToAll(send, counts: ones, into: $0, counts: ones, pattern: .evenLengths, as: traffic)
      }
    }
    return received
  }

  /// Tells every rank one number of each rank, in rank order.
  package func gatherCounts(_ count: Int, as traffic: Traffic = .other) throws -> [Int] {
    try exchangeCounts([Int](repeating: count, count: size), as: traffic)
  }

  /// Tells every rank all ranks' elements, one rank's behind the other's.
  ///
  ///     rank 0 gives [a], rank 1 gives [b b]   →   both get [a b b]
  package func gather<Element: BitwiseCopyable>(_ own: [Element]) throws -> [Element] {
    let counts = try gatherCounts(own.count)
    let total = counts.reduce(0, +)
    return try [Element](unsafeUninitializedCapacity: total) { all, count in
      try own.withUnsafeBufferPointer { try allGather($0, into: all, counts: counts) }
      count = total
    }
  }

  /// Tells every rank a text of rank 0, whose `text` is not nil.
  package func broadcast(_ text: String?) throws -> String {
    String(decoding: try gather(rank == 0 ? Array((text ?? "").utf8) : []), as: UTF8.self)
  }

  /// Tells every rank the text of the first rank that has one; nil when none has.
  package func firstText(_ own: String?) throws -> String? {
    guard let first = try gatherCounts(own == nil ? 0 : 1).firstIndex(of: 1) else { return nil }
    return try text(own, of: first)
  }

  private func text(_ own: String?, of teller: Int) throws -> String {
    String(decoding: try gather(rank == teller ? Array((own ?? "").utf8) : []), as: UTF8.self)
  }

  /// Runs what one rank may fail in alone: then all ranks throw the sentence of the first rank that did, as its `RankFailure`.
  ///
  /// So it is the same sentence on any number of ranks that divide the work in its order.
  ///
  /// - Parameter failure: makes the error of a sentence; of other kinds of errors a rank throws its own.
  package func agree<Result: ~Copyable, Failure: Error & CustomStringConvertible>(
    on failure: (String) -> Failure, _ body: () throws -> Result
  ) throws -> Result {
    guard size > 1 else { return try body() }
    var result: Result?
    var problem: Failure?
    do { result = try body() } catch let error as Failure { problem = error }
    if let first = try gatherCounts(problem == nil ? 0 : 1).firstIndex(of: 1) {
      throw RankFailure(
        of: first, on: try text(Machine.host, of: first), cause: failure(try text(problem?.description, of: first)))
    }
    switch consume result {
    case .some(let result): return result
    case .none: preconditionFailure("neither a result nor a problem")
    }
  }

  // MARK: How

  private func complete(as traffic: Traffic) throws {
    state.traffic.count(state.exchange, from: rank, as: traffic)
    try state.time(traffic) {
      do {
        // The memory is the caller's, who waits; nothing else has to hold it.
        try start(state.exchange, on: Channels.collectives, keeping: state)
      } catch {
        withdraw()
        throw error
      }
      try wait(Channels.collectives)
    }
  }

  /// Few numbers are gathered and summed by everybody; many are summed segment by segment, each by one rank, then gathered.
  ///
  /// Either way every number is the sum of the ranks' numbers from rank 0 on: the same bits.
  private func reduce<Element: FloatingPoint & BitwiseCopyable>(
    _ values: UnsafeMutableBufferPointer<Element>, as traffic: Traffic
  ) throws {
    guard size > 1 else { return }
    if values.count * MemoryLayout<Element>.stride <= Shares.fewBytes {
      let all = state.scratch(Element.self, values.count * size)
      try allGather(UnsafeBufferPointer(values), into: all, counts: state.same(values.count), as: traffic)
      sumInRankOrder(all, into: values)
      return
    }
    let counts = state.counts
    for rank in 0..<size { counts[rank] = Shares.range(of: rank, ranks: size, count: values.count).count }
    let own = UnsafeMutableBufferPointer(rebasing: values[Shares.range(of: rank, ranks: size, count: values.count)])
    try scatter(UnsafeBufferPointer(values), counts: UnsafeBufferPointer(counts), each: 1, into: own, as: traffic)
    try allGather(UnsafeBufferPointer(own), into: values, counts: UnsafeBufferPointer(counts), as: traffic)
  }

  private func scatter<Element: FloatingPoint & BitwiseCopyable>(
    _ values: UnsafeBufferPointer<Element>, counts: some Collection<Int>, each: Int,
    into receive: UnsafeMutableBufferPointer<Element>, as traffic: Traffic
  ) throws {
    let all = state.scratch(Element.self, receive.count * size)
    try allToAll(
      values, counts: counts, into: all, counts: state.same(receive.count / each), each: each, pattern: .evenLengths, as: traffic)
    sumInRankOrder(all, into: receive)
  }
}

/// `sums[i]` = the ranks' i-th numbers of `all` `[ranks, count]`, added from rank 0 on.
func sumInRankOrder<Element: FloatingPoint & BitwiseCopyable>(
  _ all: UnsafeMutableBufferPointer<Element>, into sums: UnsafeMutableBufferPointer<Element>
) {
  guard let from = all.baseAddress, let to = sums.baseAddress, sums.count > 0 else { return }
  to.update(from: from, count: sums.count)
  for rank in 1..<max(all.count / sums.count, 1) {
    let part = from + rank * sums.count
    for index in 0..<sums.count { to[index] += part[index] }
  }
}
