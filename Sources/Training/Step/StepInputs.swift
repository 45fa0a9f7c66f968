import Collectives
import Datasets
import Evaluation
import Model
import Tensors

/// All of a step that is known before any parameter is: this rank's batch, the shared negatives, the distinct rows and whose
/// they are.
///
/// Two of them take turns: while one step computes, the numbers of the next travel. Values never do, so nothing is stale.
/// docs/distributed.md, "A step, in time".
final class StepInputs {
  /// This rank's slice of the batch.
  let batch = SequenceBatch()
  /// The distinct items that this rank wants.
  let rows: UniqueRows
  /// The way to their owners.
  let route: RowRoute
  /// Users of each rank's slice.
  let usersOfRanks = NumberList<Int>()
  /// Positions of the whole job's batch.
  private(set) var globalPositions = 0
  private let source: any BatchSource
  private let negatives: SharedNegatives?
  private let communicator: any Communicator
  private let exchange: RowExchange
  private let partition: RowPartition
  private let announcement: Exchange
  /// Users, positions and draws of this rank; the same of all ranks.
  private let announced = NumberList<Int32>()
  private let heard = NumberList<Int32>()
  /// Where each rank's part of what was heard starts, one more than ranks.
  private let announcedStarts = NumberList<Int>()
  private let drawn = NumberList<Int32>()
  private let unique = UniqueRows()
  private var stage = Stage.complete
  private var step = 0

  /// The shared negatives, ascending, the same on every rank.
  var negativeIDs: RowList { unique.rows }

  init(_ items: ItemTable, source: any BatchSource, negatives: SharedNegatives?, communicator: any Communicator) {
    self.source = source
    self.negatives = negatives
    self.communicator = communicator
    exchange = items.exchange
    partition = items.partition
    rows = UniqueRows(of: items.partition)
    route = items.exchange.makeRoute(on: Channels.prefetch)
    announcement = Exchange(ranks: communicator.size)
    announcement.pattern = .oneForAll
  }

  /// Makes room for the largest step, so that none allocates anything.
  func reserve(_ largest: LargestSlice) {
    let draws = negatives?.draws ?? 0
    // Positions and their targets, or users' targets, and the negatives: as if they were all different.
    let entries = largest.positions + max(largest.positions, largest.users) + draws
    batch.reserve(users: largest.users, positions: largest.positions)
    announced.reserve(2 + (negatives?.mostDrawsFromBatch(users: largest.users) ?? 0))
    heard.reserve(2 * communicator.size + draws)
    drawn.reserve(draws)
    unique.reserve(draws)
    rows.reserve(entries)
    // Owners are assigned by row: a rank is asked for about as many as it wants, which is far less than all entries.
    let asked = communicator.size * partition.count(ownedBy: communicator.rank)
    route.reserve(wanted: min(entries, partition.rows), asked: min(entries, asked))
  }

  /// What the step is made of, on this rank.
  func size(isUniversal: Bool) -> StepSize {
    var size = StepSize()
    size.ranks = communicator.size
    (size.users, size.positions) = (Double(batch.users), Double(batch.positions))
    size.queries = isUniversal ? size.positions : size.users
    (size.wanted, size.distinct) = (Double(rows.count), Double(communicator.size * route.owned.count))
    size.negatives = Double(negativeIDs.count)
    return size
  }

  /// The ids of this rank's users, in the batch's order.
  var userIDs: [String] { source.userIDs(step: step) }

  /// The users of the whole job's batch.
  var globalUsers: Int { usersOfRanks.values.reduce(0, +) }

  /// What this rank sends for these inputs, given what is the same in every step.
  func traffic(_ constants: StepTraffic) -> StepTraffic {
    var traffic = constants
    traffic.foreignRows = Double(route.foreignRows(of: communicator.rank))
    traffic.givenRows = Double(route.givenRows(of: communicator.rank))
    traffic.draws = Double(announced.count - 2)
    traffic.users = Double(batch.users)
    traffic.allUsers = Double(globalUsers)
    return traffic
  }

  /// Fills the batch of step number `step` and tells the other ranks its sizes and this rank's draws.
  func begin(_ step: Int) throws {
    precondition(stage == .complete, "a step's inputs are begun again before they are complete")
    self.step = step
    source.fill(batch, step: step)
    announced.removeAll()
    announced.append(Int32(batch.users))
    announced.append(Int32(batch.positions))
    negatives?.drawFromBatch(batch, step: step, into: announced)
    countAnnounced()
    let heard = self.heard.resize(to: announcedStarts[communicator.size])
    for rank in 0..<communicator.size {
      let (start, end) = (announcedStarts[rank], announcedStarts[rank + 1])
      announcement.send[rank] = Segment(UnsafeMutablePointer(mutating: announced.base), bytes: 4 * announced.count)
      announcement.receive[rank] = Segment(heard.baseAddress! + start, bytes: 4 * (end - start))
    }
    communicator.state.traffic.count(announcement, from: communicator.rank, as: .negatives)
    try communicator.start(announcement, on: Channels.prefetch, keeping: self)
    stage = .announcing
  }

  /// Moves the numbers on as far as they go without waiting.
  func advance() throws {
    if stage == .announcing, try communicator.poll(Channels.prefetch) { try startRoute() }
    if stage == .routing { try exchange.advance(route) }
  }

  /// Waits until everything is there.
  func finish() throws {
    if stage == .announcing {
      try communicator.state.time(.negatives) { try communicator.wait(Channels.prefetch) }
      try startRoute()
    }
    try exchange.finish(route)
    stage = .complete
  }

  /// The slice as an objective takes it; rows are places among `rows`, in the workspace.
  func slice(_ workspace: Workspace) -> StepBatch {
    let ids = negativeIDs
    let shared = SampledSoftmax.Negatives(
      rows: locate(ids, workspace), ids: ids, logQ: negatives?.logQ(of: ids, workspace: workspace))
    return StepBatch(
      packed: batch.packed,
      input: SequenceEmbedding.Input(
        items: locate(batch.items.values, workspace), scenes: batch.scenes.values, behaviors: batch.behaviors.values),
      targetRows: locate(batch.targets.values, workspace), targets: batch.targets.values,
      negatives: negatives == nil ? .none : shared, usersOfRanks: usersOfRanks.values, globalPositions: globalPositions,
      communicator: communicator)
  }

  private enum Stage {
    case announcing, routing, complete
  }

  /// Works out where each rank's announcement starts: its users, its positions and its draws.
  private func countAnnounced() {
    announcedStarts.removeAll()
    announcedStarts.append(0)
    for rank in 0..<communicator.size {
      announcedStarts.append(announcedStarts[rank] + 2 + (negatives?.drawsFromBatch(of: rank, step: step) ?? 0))
    }
  }

  /// Reads what the ranks announced, and asks for the rows.
  private func startRoute() throws {
    let users = usersOfRanks.resize(to: communicator.size)
    globalPositions = 0
    drawn.removeAll()
    for rank in 0..<communicator.size {
      let (start, end) = (announcedStarts[rank], announcedStarts[rank + 1])
      users[rank] = Int(heard[start])
      globalPositions += Int(heard[start + 1])
      for index in (start + 2)..<end { drawn.append(heard[index]) }
    }
    negatives?.drawFromCatalogue(step: step, into: drawn)
    unique.collect(drawn.values)
    rows.collect(batch.items.values, batch.targets.values, unique.rows)
    try exchange.start(route, wanted: rows.rows)
    stage = .routing
  }

  private func locate(_ list: RowList, _ workspace: Workspace) -> RowList {
    let indices = workspace.take(Int32.self, list.count)
    rows.locate(list, into: indices)
    return RowList(start: indices, count: list.count)
  }
}
