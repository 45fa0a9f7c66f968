import ArgumentParser
import Config
import Datasets
import Files
import Preparation
import Reporting
import Runs
import Serving

/// `precise recommend`: the best items for users, or the items most like an item.
struct RecommendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recommend",
    abstract: "Recommends items to a user, or shows the items most like an item.",
    discussion: """
      Examples:
        precise recommend run/ --user u0018 -k 10
        precise recommend run/ --user u0018 --explain
        precise recommend run/ --item I42 --scene feed
        precise recommend run/ --users-file users.txt --json > recommendations.jsonl
        precise recommend run/ --user u0018 --index index/ --through items

      For a user, the newest events stand on the left and the best items on the right; * marks items the user had before. \
      Scores are logits, the raw product of user and item embedding that evaluation ranks by (without logit_scale). For an \
      item, scores are cosines of item embeddings. --users-file takes an id a line (.gz; - is standard input); with --json \
      each user becomes one line.

      --index finds items by an index (precise index) instead of by all products; the scores of what it finds are the same. \
      --through items takes the items most like each of the user's newest ones, with or without an index.

      --explain says why: what the model, the texts of the newest events and the newest item itself add to each score, and \
      which event of the user the item is most like, with the cosine of the two.
      """)

  @OptionGroup var trained: TrainedRunOptions
  @Option(help: ArgumentHelp("Recommend to this user.", valueName: "id"))
  var user: String?
  @Option(help: ArgumentHelp("Show the items most like this one.", valueName: "id"))
  var item: String?
  @Option(help: ArgumentHelp("Recommend to every user of a list.", valueName: "file"))
  var usersFile: String?
  @Option(name: [.customShort("k"), .customLong("count")], help: "How many items.")
  var count = 10
  @Option(help: ArgumentHelp("Only items of this scene.", valueName: "name"))
  var scene: String?
  @Flag(inversion: .prefixedNo, help: "Leave out items the user had; default: as the run's evaluation.filter_seen.")
  var filterSeen: Bool?
  @Option(help: ArgumentHelp("Places kept for items without a training event.", valueName: "places"))
  var reserveNew = 0
  @Option(help: ArgumentHelp("Find items by this index instead of by all products.", valueName: "folder"))
  var index: String?
  @Option(
    help: ArgumentHelp("Recommend what the user's newest items are most like: items.", valueName: "what"),
    transform: RecommendationWay.parse)
  var through: RecommendationWay?
  @Flag(help: "Say what each score is made of, and which event the item is most like.")
  var explain = false
  @Flag(help: "Print JSON.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  func validate() throws {
    guard [user, item, usersFile].given == 1 else {
      throw ValidationError("give one of --user, --item and --users-file")
    }
    guard (1...100_000).contains(count) else { throw ValidationError("-k must be 1 to 100000, not \(count)") }
    guard (0...count).contains(reserveNew) else {
      throw ValidationError("--reserve-new must be 0 to \(count), the number of items, not \(reserveNew)")
    }
    guard item == nil || reserveNew == 0 else { throw ValidationError("--reserve-new goes with users, not with --item") }
    guard item == nil || trained.at == nil else { throw ValidationError("--at goes with users, not with --item") }
    guard item == nil || !explain else { throw ValidationError("--explain goes with users, not with --item") }
    guard item == nil || (index == nil && through == nil) else {
      throw ValidationError("--index and --through go with users, not with --item")
    }
    guard reserveNew == 0 || (index == nil && through == nil) else {
      throw ValidationError("--reserve-new looks at all products: leave out --index and --through, or it")
    }
    guard through == nil || !explain else {
      throw ValidationError("--explain takes a score of the model apart; with --through items it is a sum of cosines")
    }
    guard item == nil || filterSeen == nil else { throw ValidationError("--filter-seen goes with users, not with --item") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let served = try trained.load(try trained.open(), console)
      var rules = Recommender.Rules()
      rules.count = count
      rules.newPlaces = reserveNew
      rules.scene = try scene.map { try Lookup(served.dataset).scene($0) }
      rules.filterSeen = filterSeen ?? served.run.config.evaluation.filterSeen
      let recommender = Recommender(served, rules: rules)
      if let item { try printSimilar(item, recommender, console) }
      let way = try recommender.way(index: index, through: through)
      if let user { try printUser(user, recommender, way, console) }
      if let usersFile { try printUsers(usersFile, recommender, way, console) }
    }
  }

  private func printSimilar(_ id: String, _ recommender: Recommender, _ console: Console) throws {
    let item = try Lookup(recommender.served.dataset).item(id)
    let view = RecommendationView(recommender.served)
    let found = recommender.similar(to: item)
    guard !json else { return console.result(view.json(item: item, found).indented) }
    for line in view.table(item: item, found) { console.result(line) }
  }

  private func printUser(_ id: String, _ recommender: Recommender, _ way: any UserRecommender, _ console: Console) throws {
    let lookup = Lookup(recommender.served.dataset)
    guard let events = try lookup.events(ofUser: id) else { throw try lookup.unknownUser(id) }
    let view = RecommendationView(recommender.served)
    let found = try way.recommend([events], history: .all)[0]
    let why = try reasons(found, events, recommender)
    guard !json else { return console.result(view.json(user: id, events, found, why, newest: count).indented) }
    for line in view.table(user: id, events, found, why, newest: count) { console.result(line) }
  }

  /// Why each item is recommended; nothing unless asked.
  private func reasons(
    _ found: [Recommender.Recommendation], _ events: UserEvents, _ recommender: Recommender
  ) throws -> [Explanation] {
    explain ? try Explainer(recommender.served).explain(found.map(\.item), to: events) : []
  }

  /// Users block by block, so that a list may be long.
  private func printUsers(
    _ path: String, _ recommender: Recommender, _ way: any UserRecommender, _ console: Console
  ) throws {
    let lookup = Lookup(recommender.served.dataset)
    let list = try IdentifierList(path: path, what: "user")
    var (block, unknown, total): ([(id: String, events: UserEvents)], [String], Int) = ([], [], 0)
    while true {
      let id = try list.next()
      if let id {
        total += 1
        if let events = try lookup.events(ofUser: id) { block.append((id, events)) } else { unknown.append(id) }
      }
      if id == nil || block.count == recommender.served.blockUsers {
        try printBlock(block, recommender, way, console)
        block.removeAll(keepingCapacity: true)
      }
      if id == nil { break }
    }
    guard let first = unknown.first else { return }
    guard unknown.count < total else { throw InputError("\(list.path): \(try lookup.unknownUser(first))") }
    console.note(
      "\(unknown.count) of \(total) users are not in the data set and left out (the first: \(printable(first)))")
  }

  private func printBlock(
    _ users: [(id: String, events: UserEvents)], _ recommender: Recommender, _ way: any UserRecommender, _ console: Console
  ) throws {
    let view = RecommendationView(recommender.served)
    for (user, found) in zip(users, try way.recommend(users.map(\.events), history: .all)) {
      let why = try reasons(found, user.events, recommender)
      if json {
        console.result(view.json(user: user.id, user.events, found, why, newest: count).line)
      } else {
        for line in view.table(user: user.id, user.events, found, why, newest: count) + [""] { console.result(line) }
      }
    }
  }
}

extension [String?] {
  /// How many are given.
  fileprivate var given: Int { count { $0 != nil } }
}
