import Collectives

/// A rank of a world of any size that never speaks: for what depends on rank and size alone.
final class FakeCommunicator: Communicator {
  let rank: Int
  let size: Int
  let backend = "nothing"
  let state: CollectiveState

  init(rank: Int, size: Int) {
    self.rank = rank
    self.size = size
    state = CollectiveState(ranks: size)
  }

  func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) { fatalError("a fake rank has nobody to speak to") }

  func poll(_ channel: Int) -> Bool { fatalError("a fake rank has nobody to speak to") }

  func giveUp(on channel: Int) -> [Int] { fatalError("a fake rank has nobody to speak to") }

  func withdraw() { fatalError("a fake rank has nobody to speak to") }
}
