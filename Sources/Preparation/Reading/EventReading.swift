import Collectives
import Datasets
import Files

/// Reads the interactions on all ranks, and leaves each rank the events of its shards' users.
///
/// One rank hands events to the sorter as it reads them. Several read consecutive stretches of the input, agree on the numbers of names
/// (`CommonNumbers`) and exchange events (`EventExchange`); what comes out is the same.
struct EventReading {
  /// A file to read, or some row groups of one.
  struct Input {
    /// The file's place among all, from 1.
    let number: Int
    let open: Preparation.Opener
  }

  /// What this rank reads, in order.
  struct Share {
    /// Shards of the data set that is appended to.
    var shards: Range<Int>
    var inputs: [Input]
  }

  /// What reading leaves on a rank.
  struct Outcome {
    /// The users of this rank's shards.
    let users: UserTable
    /// How many of them the data set has that is appended to: those that come first.
    let knownUsers: Int
    /// The names of all ranks.
    let names: EventNames
    let sorter: EventSorter
    /// What all ranks found.
    let account: ReadAccount
  }

  let options: PreparationOptions
  let reporter: PreparationReporter
  let communicator: any Communicator
  /// Where scratch files go.
  let folder: String

  /// Of several ranks each keeps what it has read in this part of its memory, and as much is for what arrives in a turn; the rest is for
  /// sorting (ours).
  private static let logShare = 4

  /// Collective.
  ///
  /// Throws `InputError` when a file is damaged, too many rows are bad, or there is none.
  func run(_ share: Share) throws -> Outcome {
    communicator.size == 1 ? try runAlone(share) : try runTogether(share)
  }

  private func runAlone(_ share: Share) throws -> Outcome {
    let users = UserTable(shardCount: options.virtualShards)
    let sorter = EventSorter(users: users, folder: folder, memory: options.memory)
    let sink = EventSink(options, users: users, store: sorter, reporter: reporter)
    let knownUsers = try read(share, into: sink)
    try check(sink.account)
    return Outcome(users: users, knownUsers: knownUsers, names: sink.names, sorter: sorter, account: sink.account)
  }

  private func runTogether(_ share: Share) throws -> Outcome {
    let log = EventLog(folder: folder, memory: options.memory / Self.logShare)
    let silent = PreparationReporter(progress: reporter.progress)
    let watch = try FailureWatch(on: communicator)
    let sink = EventSink(
      options, users: UserTable(shardCount: options.virtualShards), store: log, reporter: silent, checkStop: watch.check)
    var (known, problem): (Int, InputError?) = (0, nil)
    // Other errors are thrown at once.
    do { known = try read(share, into: sink) } catch let error as InputError { problem = error } catch is FailureWatch.Stopped {}
    try watch.end(failed: problem != nil)
    let account = try gathered(sink.account, hasFailed: problem != nil)
    reporter.total(account.rows, account.bytes)
    account.badRows.lines.forEach(reporter.note)
    try communicator.agree(on: InputError.init) { if let problem { throw problem } }
    try check(account)
    reporter.note("bringing the users' events together")
    let (numbers, names) = try communicator.agree(on: InputError.init) { try common(sink.names) }
    let exchange = try EventExchange(sink.users, known: known, on: communicator)
    let part = options.memory / Self.logShare
    let sorter = EventSorter(
      users: exchange.users, folder: folder, memory: part * (Self.logShare - 2), lanes: communicator.size)
    try exchange.send(log, numbers: numbers, to: sorter, memory: part)
    return Outcome(users: exchange.users, knownUsers: exchange.knownUsers, names: names, sorter: sorter, account: account)
  }

  /// Returns how many users the data set has that is appended to; they have the first numbers.
  private func read(_ share: Share, into sink: EventSink) throws -> Int {
    var knownUsers = 0
    if let known = options.known {
      try sink.number(known)
      if !share.shards.isEmpty { try sink.read(known, shards: share.shards) }
      knownUsers = sink.users.count
      if communicator.size > 1, !share.inputs.isEmpty { try admitOldNames(of: known, into: sink.users) }
    }
    for input in share.inputs { try sink.read(try input.open(), input: input.number) }
    return knownUsers
  }

  /// A data set of an earlier version may have users whose names are refused now; they stay good in rows of the files, whichever rank
  /// reads those.
  private func admitOldNames(of known: Dataset, into users: UserTable) throws {
    for index in 0..<known.shardCount {
      let shard = try known.openShard(index)
      for user in 0..<shard.userCount where IdentifierCheck.problem(shard.idBytes(user), "user") != nil {
        _ = try users.intern(shard.idBytes(user))
      }
    }
  }

  /// What all ranks found; of a failure's rank and those before it, as one rank would have met them first.
  ///
  /// Collective.
  private func gathered(_ own: ReadAccount, hasFailed: Bool) throws -> ReadAccount {
    let last = try communicator.gatherCounts(hasFailed ? 1 : 0).firstIndex(of: 1) ?? communicator.size - 1
    let accounts = try communicator.gatherRecords(own).prefix(last + 1)
    return try communicator.broadcast(
      record: accounts.first.map { first in
        accounts.dropFirst().reduce(into: first) { $0.add($1) }
      })
  }

  /// The common numbers of the names that this rank has read, and all ranks' names; collective.
  ///
  /// Throws `InputError` when there are too many of a kind, on all ranks at the same name.
  private func common(_ own: EventNames) throws -> ([CommonNumbers], EventNames) {
    let numbers = try CommonNumbers.of([own.items, own.scenes.table, own.behaviors.table], on: communicator)
    return (
      numbers,
      EventNames(
        items: numbers[0].table, scenes: try NameTable("scene", numbers[1].table),
        behaviors: try NameTable("behavior", numbers[2].table))
    )
  }

  private func check(_ account: ReadAccount) throws {
    try account.badRows.check(options.maximumBadRows, rows: account.rows, "interaction")
    guard account.rows > 0 else {
      throw InputError("there is no row in \(options.interactions.joined(separator: ", ")); are these the interactions?")
    }
  }
}
