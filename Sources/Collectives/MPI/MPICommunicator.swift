import CMPIShim

/// A rank that is a process started by `mpirun`, `mpiexec` or `srun`.
///
/// An exchange is one message to and one from every other rank; a channel is a tag. Of MPI's collectives none is used: they
/// sum in an order of their own, count in ints, and hardly move on unless they are waited for (docs/distributed.md, "Ranks").
/// Made by `MPIWorld.start`; used by the thread that started MPI and by no other.
package final class MPICommunicator: Communicator {
  /// This rank of the world.
  package let rank: Int
  /// The world's ranks.
  package let size: Int
  /// The library, such as `Open MPI 4.1.4`.
  package let backend: String
  /// Traffic, and the memory that collectives work in.
  package let state: CollectiveState
  /// Whose memory is under way, by channel.
  private var flights: [AnyObject?]
  private var rollCall = RollCall()

  /// Joins the world that MPI has started.
  init(backend: String) {
    rank = Int(cmpi_rank())
    size = Int(cmpi_size())
    self.backend = backend
    state = CollectiveState(ranks: size)
    flights = Array(repeating: nil, count: Channels.count)
  }

  /// Posts a message from and to every other rank, empty ones too, and copies the segment that stays.
  ///
  /// Receipts first, so that messages find their memory; each rank begins with its neighbor, so that no rank gets all at once.
  package func start(_ exchange: Exchange, on channel: Int, keeping owner: AnyObject) throws {
    precondition(flights[channel] == nil, "channel \(channel) is under way")
    flights[channel] = owner
    if let peers = exchange.peers {
      for peer in peers.from.reversed() { try receive(exchange.receive[peer], from: peer, on: channel) }
      for peer in peers.to { try send(exchange.send[peer], to: peer, on: channel) }
      return
    }
    exchange.receive[rank].copy(from: exchange.send[rank])
    for distance in 1..<max(size, 1) {
      let peer = (rank + size - distance) % size
      try receive(exchange.receive[peer], from: peer, on: channel)
    }
    for distance in 1..<max(size, 1) {
      try send(exchange.send[(rank + distance) % size], to: (rank + distance) % size, on: channel)
    }
  }

  /// Lets MPI move messages on, and says whether the channel's have all come and gone.
  package func poll(_ channel: Int) throws -> Bool {
    guard flights[channel] != nil else { return true }
    var isDone: Int32 = 0
    try check("MPI_Testall", rank: rank) { cmpi_poll(Int32(channel), &isDone) }
    if isDone != 0 { flights[channel] = nil }
    return isDone != 0
  }

  /// The ranks whose messages of the channel's exchange have not come, or that have not taken theirs, and that do not answer.
  package func giveUp(on channel: Int) -> [Int] {
    let missing = (0..<size).filter { cmpi_waits_for(Int32(channel), Int32($0)) != 0 }
    return rollCall.silent(
      of: missing, on: channel, timeout: state.timeout ?? 0, ask: { for peer in $0 { note(Channels.question, to: peer) } },
      hear: { notes(Channels.answer) })
  }

  /// Answers every rank that asks.
  package func answerRollCall() { for peer in notes(Channels.question) { note(Channels.answer, to: peer) } }

  /// Sends a note; one that cannot be sent is one that does not come.
  private func note(_ channel: Int, to peer: Int) { _ = cmpi_send_note(Int32(channel), Int32(peer)) }

  /// The ranks whose notes have come.
  private func notes(_ channel: Int) -> [Int] {
    var (peers, peer): ([Int], Int32) = ([], -1)
    while cmpi_take_note(Int32(channel), &peer) == 0, peer >= 0 { peers.append(Int(peer)) }
    return peers
  }

  /// Takes back the receipts that nothing has come for; what is under way all the same is held until the process ends.
  package func withdraw() {
    cmpi_withdraw()
    for channel in flights.indices where cmpi_count(Int32(channel)) == 0 { flights[channel] = nil }
  }

  /// Posts the receipt of one message.
  private func receive(_ segment: Segment, from peer: Int, on channel: Int) throws(MPIError) {
    try check("MPI_Irecv", rank: rank) { cmpi_receive(Int32(channel), Int32(peer), segment.base, Int64(segment.bytes)) }
  }

  /// Posts one message.
  func send(_ segment: Segment, to peer: Int, on channel: Int) throws(MPIError) {
    state.messages.count(segment, to: peer)
    try check("MPI_Isend", rank: rank) { cmpi_send(Int32(channel), Int32(peer), segment.base, Int64(segment.bytes)) }
  }
}
