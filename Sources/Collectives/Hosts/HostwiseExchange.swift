/// One channel's exchange, in stages: what goes to other hosts is relayed by one rank of the host.
///
/// Segments that differ from rank to rank are brought to their relay on the same host first, then each relay sends a message with the parts
/// of all of its host's ranks, in rank order, to the rank that they are for:
///
///     lengths   to the host's ranks: how long the parts are that they carry, unless all know; long segments straight to their rank
///     parts     to the host's ranks: what they carry
///     messages  to other hosts' ranks, one from each host; and what goes to the host's own ranks
///
/// A segment that is the same for all goes to one rank of each other host, which hands it to the others there:
///
///     messages  to one rank of each other host, and to the host's ranks
///     copies    to the host's ranks: what came from other hosts
final class HostwiseExchange {
  /// What the other communicator is to exchange in this stage.
  let stageExchange: Exchange

  private enum Stage {
    case lengths, parts, messages, spreading, copies
  }

  private let plan: RelayPlan
  private let rank: Int
  private let longest: Int
  private var stage = Stage.lengths
  private var outer: Exchange?
  /// Holds the memory of the exchange's segments.
  private var owner: AnyObject?
  /// How long the parts are that each rank of the host carries for this one: `plan.relayedBy`, one rank behind the other.
  private let lengthsOut: UnsafeMutableBufferPointer<Int>
  /// How long the parts of each rank of the host are that this one carries: `[rank of the host, plan.relayedBy of this one]`.
  private let lengthsIn: UnsafeMutableBufferPointer<Int>
  /// Where each rank's next part is.
  private let cursors: UnsafeMutableBufferPointer<UnsafeMutableRawPointer>
  private let outbox = StagingMemory()
  private let inbox = StagingMemory()
  private let messages = StagingMemory()

  init(_ plan: RelayPlan, rank: Int, ranks: Int, longest: Int) {
    self.plan = plan
    self.rank = rank
    self.longest = longest
    stageExchange = Exchange(ranks: ranks, isPartial: true)
    lengthsOut = .allocate(capacity: ranks)
    lengthsOut.initialize(repeating: 0)
    lengthsIn = .allocate(capacity: plan.host.count * plan.relayed.count)
    lengthsIn.initialize(repeating: 0)
    cursors = .allocate(capacity: plan.host.count)
    cursors.initialize(repeating: inbox.base)
  }

  deinit {
    lengthsOut.deallocate()
    lengthsIn.deallocate()
    cursors.deallocate()
  }

  /// Prepares the first stage.
  func begin(_ exchange: Exchange, of owner: AnyObject) {
    outer = exchange
    self.owner = owner
    stageExchange.forgetPeers()
    switch exchange.pattern {
    case .any:
      stage = .lengths
      prepareLengths(exchange)
      sendLong(exchange)
    case .evenLengths:
      stage = .parts
      knowLengths(exchange)
      prepareParts(exchange)
      sendLong(exchange)
    case .oneForAll:
      stage = .spreading
      prepareSpreading(exchange)
    }
  }

  /// Takes in what the stage has brought, and prepares the next; false when it was the last.
  func nextStage() -> Bool {
    guard let outer else { preconditionFailure("no exchange is under way") }
    stageExchange.forgetPeers()
    switch stage {
    case .lengths:
      stage = .parts
      prepareParts(outer)
      return true
    case .parts:
      stage = .messages
      prepareMessages(outer)
      return true
    case .spreading:
      stage = .copies
      prepareCopies(outer)
      return true
    case .messages:
      landMessages(outer)
    case .copies:
      landCopies(outer)
    }
    self.outer = nil
    owner = nil
    return false
  }

  // MARK: Segments that differ

  /// The bytes of a segment that a relay takes; longer ones go straight to their rank.
  private func relayedBytes(_ segment: Segment) -> Int { segment.bytes > longest ? 0 : segment.bytes }

  private func prepareLengths(_ outer: Exchange) {
    knowOwnLengths(outer)
    var start = 0
    for (place, neighbor) in plan.host.enumerated() {
      let out = UnsafeMutableBufferPointer(rebasing: lengthsOut[start..<(start + plan.relayedBy[place].count)])
      start += out.count
      let into = lengths(place)
      guard neighbor != rank else { continue }
      stageExchange.add(to: neighbor, Segment(out.baseAddress, bytes: out.count * MemoryLayout<Int>.stride))
      stageExchange.add(from: neighbor, Segment(into.baseAddress, bytes: into.count * MemoryLayout<Int>.stride))
    }
  }

  /// The lengths of this rank's parts; those that it carries itself stand among the others that it carries.
  private func knowOwnLengths(_ outer: Exchange) {
    var start = 0
    for place in plan.host.indices {
      for other in plan.relayedBy[place] {
        lengthsOut[start] = relayedBytes(outer.send[other])
        start += 1
      }
    }
    for (index, other) in plan.relayedBy[plan.place].enumerated() { lengths(plan.place)[index] = relayedBytes(outer.send[other]) }
  }

  /// The lengths of all parts that this rank carries, where a rank gets parts of one length from all.
  private func knowLengths(_ outer: Exchange) {
    knowOwnLengths(outer)
    let own = lengths(plan.place)
    for place in plan.host.indices where place != plan.place { _ = lengths(place).update(fromContentsOf: own) }
  }

  private func sendLong(_ outer: Exchange) {
    for other in plan.strangers {
      if outer.send[other].bytes > longest { stageExchange.add(to: other, outer.send[other]) }
      if outer.receive[other].bytes > longest { stageExchange.add(from: other, outer.receive[other]) }
    }
  }

  private func prepareParts(_ outer: Exchange) {
    var out = outbox.room(for: lengthsOut.prefix(plan.strangers.count).reduce(0, +))
    var into = inbox.room(for: lengthsIn.reduce(0, +))
    for (place, neighbor) in plan.host.enumerated() {
      cursors[place] = into
      guard neighbor != rank else { continue }
      let (start, bytes) = (out, lengths(place).reduce(0, +))
      for other in plan.relayedBy[place] where relayedBytes(outer.send[other]) > 0 { out = outer.send[other].copied(to: out) }
      stageExchange.add(to: neighbor, Segment(start, bytes: out - start))
      stageExchange.add(from: neighbor, Segment(into, bytes: bytes))
      into += bytes
    }
  }

  private func prepareMessages(_ outer: Exchange) {
    var out = messages.room(for: lengthsIn.reduce(0, +))
    for (index, other) in plan.relayedBy[plan.place].enumerated() {
      let start = out
      for (place, neighbor) in plan.host.enumerated() {
        let bytes = lengths(place)[index]
        guard bytes > 0 else { continue }
        if neighbor == rank {
          out = outer.send[other].copied(to: out)
        } else {
          out = Segment(cursors[place], bytes: bytes).copied(to: out)
          cursors[place] += bytes
        }
      }
      stageExchange.add(to: other, Segment(start, bytes: out - start))
    }
    // What the host's ranks have relayed is theirs: its memory can be taken for what comes.
    var into = outbox.room(for: plan.strangers.reduce(0) { $0 + relayedBytes(outer.receive[$1]) })
    for (relay, ranks) in plan.relays {
      let bytes = ranks.reduce(0) { $0 + relayedBytes(outer.receive[$1]) }
      stageExchange.add(from: relay, Segment(into, bytes: bytes))
      into += bytes
    }
    for neighbor in plan.neighbors {
      stageExchange.add(to: neighbor, outer.send[neighbor])
      stageExchange.add(from: neighbor, outer.receive[neighbor])
    }
  }

  private func landMessages(_ outer: Exchange) {
    var from = outbox.base
    for (_, ranks) in plan.relays {
      for other in ranks where relayedBytes(outer.receive[other]) > 0 { from = outer.receive[other].filled(from: from) }
    }
  }

  private func lengths(_ place: Int) -> UnsafeMutableBufferPointer<Int> {
    let count = plan.relayed.count
    return UnsafeMutableBufferPointer(rebasing: lengthsIn[(place * count)..<((place + 1) * count)])
  }

  // MARK: Segments that are the same for all

  private func prepareSpreading(_ outer: Exchange) {
    for (relay, _) in plan.relays { stageExchange.add(to: relay, outer.send[relay]) }
    for other in plan.relayed { stageExchange.add(from: other, outer.receive[other]) }
    for neighbor in plan.neighbors {
      stageExchange.add(to: neighbor, outer.send[neighbor])
      stageExchange.add(from: neighbor, outer.receive[neighbor])
    }
  }

  private func prepareCopies(_ outer: Exchange) {
    let own = plan.relayedBy[plan.place]
    let start = outbox.room(for: own.reduce(0) { $0 + outer.receive[$1].bytes })
    var out = start
    for other in own { out = outer.receive[other].copied(to: out) }
    var into = inbox.room(for: plan.strangers.reduce(0) { $0 + outer.receive[$1].bytes })
    for (place, neighbor) in plan.host.enumerated() where neighbor != rank {
      let bytes = plan.relayedBy[place].reduce(0) { $0 + outer.receive[$1].bytes }
      stageExchange.add(to: neighbor, Segment(start, bytes: out - start))
      stageExchange.add(from: neighbor, Segment(into, bytes: bytes))
      into += bytes
    }
  }

  private func landCopies(_ outer: Exchange) {
    var from = inbox.base
    for (place, neighbor) in plan.host.enumerated() where neighbor != rank {
      for other in plan.relayedBy[place] { from = outer.receive[other].filled(from: from) }
    }
  }
}

/// Memory in which segments stand one behind the other; it grows, and is kept.
private final class StagingMemory {
  private(set) var base = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
  private var capacity = 64

  deinit { base.deallocate() }

  /// The start of memory for so many bytes; what was there is gone.
  ///
  /// Rows differ from step to step: with half as much again it does not grow for every longer exchange.
  func room(for bytes: Int) -> UnsafeMutableRawPointer {
    if bytes > capacity {
      base.deallocate()
      capacity = bytes + bytes / 2
      base = .allocate(byteCount: capacity, alignment: 64)
    }
    return base
  }
}

extension Segment {
  /// Copies the bytes to that place; where the next ones go.
  fileprivate func copied(to place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    if let base { place.copyMemory(from: base, byteCount: bytes) }
    return place + bytes
  }

  /// Takes its bytes from that place; where the next ones are.
  fileprivate func filled(from place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    base?.copyMemory(from: place, byteCount: bytes)
    return place + bytes
  }
}
