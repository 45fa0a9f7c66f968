import Collectives

/// A rank of a world of any size that never speaks: for what depends on rank and size alone.
final class FakeCommunicator: Communicator {
  let rank: Int
  let size: Int

  init(rank: Int, size: Int) {
    self.rank = rank
    self.size = size
  }

  func allReduce(_ values: UnsafeMutableBufferPointer<Float>) { fatalError("a fake rank has nobody to speak to") }

  func allReduce(_ values: UnsafeMutableBufferPointer<Double>) { fatalError("a fake rank has nobody to speak to") }

  func allToAll<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, counts sendCounts: [Int], into receive: UnsafeMutableBufferPointer<Element>,
    counts receiveCounts: [Int]
  ) { fatalError("a fake rank has nobody to speak to") }

  func allGather<Element: BitwiseCopyable>(
    _ send: UnsafeBufferPointer<Element>, into receive: UnsafeMutableBufferPointer<Element>, counts: [Int]
  ) { fatalError("a fake rank has nobody to speak to") }

  func reduceScatter(_ values: UnsafeBufferPointer<Float>, counts: [Int], into receive: UnsafeMutableBufferPointer<Float>) {
    fatalError("a fake rank has nobody to speak to")
  }

  func barrier() { fatalError("a fake rank has nobody to speak to") }
}
