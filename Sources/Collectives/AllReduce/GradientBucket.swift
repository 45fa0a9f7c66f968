import CKernels
import Host

/// One piece of a buffer on its way through the ranks: shares out, sums, sums back; between two ranks all at once.
final class GradientBucket {
  /// Where it starts in the whole buffer.
  let start: Int
  private let isDirect: Bool
  private let values: UnsafeMutableBufferPointer<Float>
  /// Holds the values.
  private let owner: AnyObject
  private let shares: [Range<Int>]
  private let own: Range<Int>
  private let firstChannel: Int
  private let exchange: Exchange
  private let floats: UnsafeMutableBufferPointer<Float>
  private let words: UnsafeMutableBufferPointer<UInt16>?
  private var stage = Stage.done

  /// What it waits for.
  var channel: Int { stage == .gathering ? firstChannel + 1 : firstChannel }
  /// Whether the sum is there.
  var isDone: Bool { stage == .done }

  init(
    _ values: UnsafeMutableBufferPointer<Float>, of owner: AnyObject, start: Int, number: Int, wire: NumberFormat,
    communicator: any Communicator
  ) {
    self.values = values
    self.owner = owner
    self.start = start
    let ranks = communicator.size
    // Two ranks send each other everything: as many bytes as halves there and back, in one exchange instead of two.
    let isDirect = ranks <= 2
    self.isDirect = isDirect
    shares = (0..<ranks).map { isDirect ? values.indices : Shares.range(of: $0, ranks: ranks, count: values.count) }
    own = shares[communicator.rank]
    firstChannel = Channels.buckets + 2 * number
    exchange = Exchange(ranks: ranks)
    let received = own.count * ranks
    floats = .allocate(capacity: wire == .fp32 ? received : 0)
    words = wire == .bf16 ? .allocate(capacity: values.count + received) : nil
  }

  deinit {
    floats.deallocate()
    words?.deallocate()
  }

  /// Sends each rank its share.
  func start(_ communicator: any Communicator) throws {
    if let words {
      BrainFloat.round(values, into: words)
      cut(words.baseAddress!, own: words.baseAddress! + values.count)
    } else {
      cut(values.baseAddress!, own: floats.baseAddress!)
    }
    try send(communicator, firstChannel)
    stage = .scattering
  }

  /// Goes on as far as it can without waiting.
  func advance(_ communicator: any Communicator) throws {
    if stage == .scattering, try communicator.poll(firstChannel) {
      sumOwnShare()
      stage = .done
      if isDirect { return }
      spread()
      try send(communicator, firstChannel + 1)
      stage = .gathering
    }
    if stage == .gathering, try communicator.poll(firstChannel + 1) {
      if let words { BrainFloat.widen(UnsafeBufferPointer(rebasing: words[..<values.count]), into: values) }
      stage = .done
    }
  }

  private enum Stage {
    case scattering, gathering, done
  }

  private func send(_ communicator: any Communicator, _ channel: Int) throws {
    communicator.state.traffic.count(exchange, from: communicator.rank, as: .denseGradients)
    try communicator.start(exchange, on: channel, keeping: self)
  }

  /// Share q of `all` goes to rank q; everybody's part of the own share comes one behind the other.
  private func cut<Element>(_ all: UnsafeMutablePointer<Element>, own received: UnsafeMutablePointer<Element>) {
    let stride = MemoryLayout<Element>.stride
    exchange.pattern = .evenLengths
    for (rank, share) in shares.enumerated() {
      exchange.send[rank] = Segment(all + share.lowerBound, bytes: share.count * stride)
      exchange.receive[rank] = Segment(received + rank * own.count, bytes: own.count * stride)
    }
  }

  /// The own share's sum, in rank order, back where it belongs.
  private func sumOwnShare() {
    let target = UnsafeMutableBufferPointer(rebasing: values[own])
    if let words {
      BrainFloat.sumInRankOrder(words.baseAddress! + values.count, ranks: shares.count, into: target)
      if !isDirect { BrainFloat.round(target, into: UnsafeMutableBufferPointer(rebasing: words[own])) }
    } else {
      sumInRankOrder(UnsafeMutableBufferPointer(start: floats.baseAddress, count: own.count * shares.count), into: target)
    }
  }

  /// The own share goes to every rank, the others' come.
  private func spread() {
    if let words { spread(words.baseAddress!) } else { spread(values.baseAddress!) }
  }

  private func spread<Element>(_ all: UnsafeMutablePointer<Element>) {
    let stride = MemoryLayout<Element>.stride
    exchange.pattern = .oneForAll
    for (rank, share) in shares.enumerated() {
      exchange.send[rank] = Segment(all + own.lowerBound, bytes: own.count * stride)
      exchange.receive[rank] = Segment(all + share.lowerBound, bytes: share.count * stride)
    }
  }
}

/// bfloat16 on the wire: the upper half of a float, rounded to nearest, ties to even.
enum BrainFloat {
  /// Rounds every value; a NaN stays one.
  static func round(_ values: UnsafeMutableBufferPointer<Float>, into words: UnsafeMutableBufferPointer<UInt16>) {
    precondition(words.count >= values.count, "\(values.count) values into \(words.count) words")
    ck_bf16_narrow(values.count, values.baseAddress, words.baseAddress)
  }

  /// The floats that words stand for.
  static func widen(_ words: UnsafeBufferPointer<UInt16>, into values: UnsafeMutableBufferPointer<Float>) {
    precondition(values.count >= words.count, "\(words.count) words into \(values.count) values")
    ck_bf16_widen(words.count, words.baseAddress, values.baseAddress)
  }

  /// Adds the ranks' words `[ranks, count]` from rank 0 on, in fp32.
  static func sumInRankOrder(_ all: UnsafePointer<UInt16>, ranks: Int, into sums: UnsafeMutableBufferPointer<Float>) {
    for index in 0..<sums.count { sums[index] = widen(all[index]) }
    for rank in 1..<ranks {
      let part = all + rank * sums.count
      for index in 0..<sums.count { sums[index] += widen(part[index]) }
    }
  }

  private static func widen(_ word: UInt16) -> Float { Float(bitPattern: UInt32(word) << 16) }
}
