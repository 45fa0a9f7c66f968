package import Host

/// What one rank has sent and how long it has waited; and the memory that collectives work in, kept from call to call.
package final class CollectiveState {
  /// What was sent to other ranks.
  package let traffic = TrafficCounter()
  /// The messages that this took.
  package let messages = MessageCounter()
  /// Where this rank keeps what it did when; nil unless somebody wants a trace.
  package var timeline: Timeline? { didSet { waiting.timeline = timeline } }
  /// What this rank is doing, for the line that a failure prints: a phase and its step, from 1.
  package var position: (phase: String, step: Int)?

  /// Seconds after which a rank that is waited for in vain is named, and the job ends; nil = never.
  package var timeout: Double?

  let exchange: Exchange
  let counts: UnsafeMutableBufferPointer<Int>
  private let sameCounts: UnsafeMutableBufferPointer<Int>
  /// Looks at what is under way are many and short: those below a microsecond would fill a timeline and show nothing.
  private let waiting = Stopwatch<Traffic>("waiting", shortest: 1000)
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  /// Seconds spent in collectives, by what they were about.
  package var seconds: [Double] { waiting.seconds }

  /// Makes the state of one of `ranks` ranks.
  package init(ranks: Int) {
    exchange = Exchange(ranks: ranks)
    counts = .allocate(capacity: ranks)
    counts.initialize(repeating: 0)
    sameCounts = .allocate(capacity: ranks)
    sameCounts.initialize(repeating: 0)
  }

  deinit {
    counts.deallocate()
    sameCounts.deallocate()
    memory.deallocate()
  }

  /// Starts counting anew.
  package func resetTraffic() {
    traffic.reset()
    messages.reset()
    waiting.reset()
  }

  /// Runs `body` and adds its time.
  package func time<Result>(_ traffic: Traffic, _ body: () throws -> Result) rethrows -> Result {
    try waiting.time(traffic, body)
  }

  /// `count` for every rank, valid until the next call.
  func same(_ count: Int) -> UnsafeBufferPointer<Int> {
    sameCounts.update(repeating: count)
    return UnsafeBufferPointer(sameCounts)
  }

  /// Memory for `count` elements, valid until the next call.
  func scratch<Element: BitwiseCopyable>(_ type: Element.Type, _ count: Int) -> UnsafeMutableBufferPointer<Element> {
    let needed = count * MemoryLayout<Element>.stride
    if needed > memory.count {
      memory.deallocate()
      memory = .allocate(byteCount: needed, alignment: 64)
    }
    return UnsafeMutableBufferPointer(start: memory.baseAddress?.bindMemory(to: type, capacity: count), count: count)
  }
}
