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
        precise recommend run/ --users-file users.txt --format csv > recommendations.csv
        precise recommend run/ --events visits.csv --quota feed=6 --quota shop=4
        precise recommend run/ --user u0018 --index index/ --through items

      For a user, the newest events stand on the left and the best items on the right; items that the user had are left out \
      unless --no-exclude-seen, which marks them. Scores are logits, the raw product of user and item embedding that evaluation \
      ranks by (without logit_scale). For an item, scores are cosines of item embeddings. --users-file takes an id a line \
      (.gz; - is standard input); with --format json each user becomes one line.

      --events serves users by what they have just done, whether the data set has them or not, and visits of nobody known. \
      --data may be a newer data set than the run's, appended to it. --items adds items that came later, by their texts (columns item,text).

      --index finds items by an index (precise index) instead of by all products; the scores of what it finds are the same. \
      --through items takes the items most like each of the user's newest ones, with or without an index.

      --explain says why: what the model, the texts of the newest events and the newest item itself add to each score, and \
      which event of the user the item is most like, with the cosine of the two.
      """)

  /// How lists are printed.
  enum Format: String, CaseIterable {
    case table, csv, json
  }

  @OptionGroup var trained: TrainedRunOptions
  @Option(help: ArgumentHelp("Recommend to this user.", valueName: "id"))
  var user: String?
  @Option(help: ArgumentHelp("Show the items most like this one.", valueName: "id"))
  var item: String?
  @Option(help: ArgumentHelp("Recommend to every user of a list.", valueName: "file"), completion: .file())
  var usersFile: String?
  @OptionGroup var eventOptions: EventOptions
  @OptionGroup var itemRules: ItemRuleOptions
  @OptionGroup var newItemOptions: NewItemOptions
  @Option(
    help: ArgumentHelp("Find items by this index instead of by all products.", valueName: "folder"), completion: .directory)
  var index: String?
  @Option(
    help: ArgumentHelp("Recommend what the user's newest items are most like: items.", valueName: "what"),
    completion: .values(of: RecommendationWay.self), transform: RecommendationWay.parse)
  var through: RecommendationWay?
  @Flag(help: "Say what each score is made of, and which event the item is most like.")
  var explain = false
  @Option(
    help: "How lists are printed: table, csv (user,rank,item,score) or json. (default: table)",
    completion: .values(of: Format.self),
    transform: Format.parse)
  var format: Format?
  @Flag(help: "The same as --format json.")
  var json = false
  @OptionGroup var outputOptions: OutputOptions

  private var output: Format { json ? .json : format ?? .table }

  func validate() throws {
    let events = eventOptions.events
    guard [user, item, usersFile].given == 1 || [user, item, usersFile].given == 0 && events != nil else {
      throw ValidationError("give one of --user, --item, --users-file and --events")
    }
    guard !json || format == nil || format == .json else {
      throw ValidationError("give --json or --format \(output.rawValue), not both")
    }
    guard !explain || output != .csv else { throw ValidationError("--explain goes with --format table or json, not csv") }
    guard !explain || newItemOptions.newItems == nil else { throw ValidationError("--explain goes without --items") }
    guard through == nil || !explain else {
      throw ValidationError("--explain takes a score of the model apart; with --through items it is a sum of cosines")
    }
    guard through == nil || trained.at == nil else {
      throw ValidationError("--at is when the model is asked; with --through items no model reads the user")
    }
    let needsAll = [
      ("--reserve-new", itemRules.reserveNew > 0), ("--quota", !itemRules.quota.isEmpty),
      ("--items", newItemOptions.newItems != nil),
    ]
    if let flag = needsAll.first(where: \.1), index != nil || through != nil {
      throw ValidationError("\(flag.0) looks at all products: leave out --index and --through, or it")
    }
    let inputs = [usersFile, events, itemRules.allow, itemRules.deny, newItemOptions.newItems]
    guard inputs.count(where: { $0 == "-" }) < 2 else { throw ValidationError("only one file can be standard input") }
    guard item != nil else { return }
    let flags = [
      ("--reserve-new", itemRules.reserveNew > 0), ("--quota", !itemRules.quota.isEmpty), ("--at", trained.at != nil),
      ("--explain", explain), ("--exclude-seen", itemRules.excludeSeen != nil), ("--events", events != nil),
      ("--index", index != nil), ("--through", through != nil),
    ]
    if let flag = flags.first(where: \.1) { throw ValidationError("\(flag.0) goes with users, not with --item") }
  }

  func run() throws {
    try reportingFailures {
      let console = outputOptions.console
      let run = try trained.open()
      let fresh = try eventOptions.read(run, at: trained.at, console)
      let served = try trained.load(run, console, events: fresh)
      let newItems = try newItemOptions.read(served, console)
      let recommender = try Recommender(served, rules: itemRules.rules(served, newItems, console), newItems: newItems)
      if output == .csv { console.result(RecommendationView.csvHeader(isSimilar: item != nil)) }
      if let item { return try printSimilar(item, recommender, console) }
      let lists = Lists(
        view: RecommendationView(recommender), way: try recommender.way(index: index, through: through), served: served)
      let users = ServedUsers(run.dataset, fresh: fresh)
      if let user { return try printUser(user, users, lists, console) }
      if let usersFile { return try printUsers(usersFile, users, lists, console) }
      if let fresh { try printUsers(of: fresh, lists, console) }
    }
  }

  /// How users get their lists, and how these are shown.
  private struct Lists {
    let view: RecommendationView
    let way: any UserRecommender
    let served: ServedModel
  }

  private func printSimilar(_ id: String, _ recommender: Recommender, _ console: Console) throws {
    let item = try recommender.items.added(id) ?? Lookup(recommender.served.dataset).item(id)
    let view = RecommendationView(recommender)
    let found = recommender.similar(to: item)
    switch output {
    case .table: view.table(item: item, found).forEach(console.result)
    case .csv: view.csv(item: item, found).forEach(console.result)
    case .json: console.result(view.json(item: item, found).indented)
    }
  }

  private func printUser(_ id: String, _ users: ServedUsers, _ lists: Lists, _ console: Console) throws {
    guard let events = try users.events(of: id) else { throw try users.unknown(id) }
    try print([(id, events)], isOnly: true, lists, console)
  }

  /// Users block by block, so that a list may be long.
  private func printUsers(_ path: String, _ users: ServedUsers, _ lists: Lists, _ console: Console) throws {
    let list = try IdentifierList(path: path, of: .user)
    var (block, firstUnknown, unknown, total): ([(id: String, events: UserEvents)], String?, Int, Int) = ([], nil, 0, 0)
    while true {
      let id = try list.next()
      if let id {
        total += 1
        if let events = try users.events(of: id) {
          block.append((id, events))
        } else {
          (firstUnknown, unknown) = (firstUnknown ?? id, unknown + 1)
        }
      }
      if id == nil || block.count == lists.served.blockUsers {
        try print(block, lists, console)
        block.removeAll(keepingCapacity: true)
      }
      if id == nil { break }
    }
    guard let first = firstUnknown else { return }
    guard unknown < total else { throw InputError("\(list.path): \(try users.unknown(first))") }
    console.note(
      "\(unknown) of \(total) users are not in the data set and left out (the first: \(printable(first)))")
  }

  /// All users of a file of events, but those of whom no event is left.
  private func printUsers(of fresh: FreshEvents, _ lists: Lists, _ console: Console) throws {
    let served = fresh.users.indices.filter { fresh.events($0).count > 0 }
    guard !served.isEmpty else { throw InputError("no event is on an item that the data set has, so there is nothing to go by") }
    for start in stride(from: 0, to: served.count, by: lists.served.blockUsers) {
      let block = served[start..<min(start + lists.served.blockUsers, served.count)]
      try print(block.map { (fresh.users[$0].id, fresh.events($0)) }, isOnly: served.count == 1, lists, console)
    }
    let left = fresh.users.count - served.count
    if left > 0 { console.note("\(HumanFormat.count(left, "user")) without an event on a known item left out") }
  }

  /// Recommends to some users and prints it; with `isOnly` JSON is for people, too.
  private func print(
    _ users: [(id: String, events: UserEvents)], isOnly: Bool = false, _ lists: Lists, _ console: Console
  ) throws {
    let view = lists.view
    for (user, found) in zip(users, try lists.way.recommend(users.map(\.events))) {
      let why = explain ? try Explainer(lists.served).explain(found.items.map(\.item), to: user.events) : []
      let entry = RecommendationView.Entry(
        user: user.id, events: user.events, found: found, why: why, newest: itemRules.places)
      switch output {
      case .table: (view.table(entry) + (isOnly ? [] : [""])).forEach(console.result)
      case .csv: view.csv(entry).forEach(console.result)
      case .json: console.result(isOnly ? view.json(entry).indented : view.json(entry).line)
      }
    }
  }
}

extension [String?] {
  /// How many are given.
  fileprivate var given: Int { count { $0 != nil } }
}
