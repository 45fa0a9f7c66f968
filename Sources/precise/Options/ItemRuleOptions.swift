import ArgumentParser
import Datasets
import Files
import Reporting
import Serving

/// Which items may be recommended, and how many places are whose.
struct ItemRuleOptions: ParsableArguments {
  /// Places of a scene, as `SCENE=PLACES`.
  struct Quota: ExpressibleByArgument {
    let scene: String
    let places: Int

    init?(argument: String) {
      // A scene may have an equals sign in its name.
      guard let sign = argument.lastIndex(of: "="), let places = Int(argument[argument.index(after: sign)...]), places > 0,
        sign > argument.startIndex
      else { return nil }
      (scene, self.places) = (String(argument[..<sign]), places)
    }
  }

  @Option(name: [.customShort("k"), .customLong("count")], help: "How many items; default: 10, or the places of all quotas.")
  var count: Int?
  @Option(help: ArgumentHelp("Only items of this scene.", valueName: "name"))
  var scene: String?
  @Option(
    help: ArgumentHelp("Places of the list for items of a scene, best first; again for another scene.", valueName: "scene=places")
  )
  var quota: [Quota] = []
  @Option(
    help: ArgumentHelp("Only items of this list, an id a line (.gz; - is standard input).", valueName: "file"),
    completion: .file())
  var allow: String?
  @Option(
    help: ArgumentHelp("No items of this list, an id a line (.gz; - is standard input).", valueName: "file"), completion: .file())
  var deny: String?
  @Flag(
    name: [.customLong("exclude-seen"), .customLong("filter-seen")], inversion: .prefixedNo,
    help: "Leave out items that the user had; default: yes.")
  var excludeSeen: Bool?
  @Option(help: ArgumentHelp("Places kept for items without a training event.", valueName: "places"))
  var reserveNew = 0

  /// The length of a list.
  var places: Int { count ?? (quota.isEmpty ? 10 : quota.reduce(0) { $0 + $1.places }) }

  func validate() throws {
    guard (1...100_000).contains(places) else { throw ValidationError("-k must be 1 to 100000, not \(places)") }
    guard (0...places).contains(reserveNew) else {
      throw ValidationError("--reserve-new must be 0 to \(places), the number of items, not \(reserveNew)")
    }
    let wanted = quota.reduce(0) { $0 + $1.places }
    guard wanted <= places else {
      throw ValidationError("--quota asks for \(wanted) places, the list has \(places); give a larger -k")
    }
    guard quota.isEmpty || scene == nil else { throw ValidationError("give --quota or --scene, not both") }
    guard quota.isEmpty || reserveNew == 0 else { throw ValidationError("give --quota or --reserve-new, not both") }
    guard allow != "-" || deny != "-" else { throw ValidationError("only one of --allow and --deny can be standard input") }
  }

  /// The rules, in numbers of the data set.
  func rules(_ served: ServedModel, _ newItems: NewItems?, _ console: Console) throws -> Recommender.Rules {
    var rules = Recommender.Rules()
    let (lookup, items) = (Lookup(served.dataset), ServedItems(served.dataset, added: newItems?.list))
    rules.count = places
    rules.newPlaces = reserveNew
    rules.scene = try scene.map(lookup.scene)
    rules.quotas = try quota.map { (try lookup.scene($0.scene), $0.places) }
    rules.allowed = try allow.map { try list($0, items, console) }
    rules.denied = try deny.map { try list($0, items, console) } ?? []
    rules.excludesSeen = excludeSeen ?? true
    return rules
  }

  private func list(_ path: String, _ items: ServedItems, _ console: Console) throws -> Set<Int> {
    let list = try items.list(path: path)
    if let first = list.firstUnknown {
      console.note(
        "\(HumanFormat.count(list.unknown, "id")) of \(path == "-" ? "standard input" : path) \(list.unknown == 1 ? "is" : "are") no item's (the first: \(printable(first)))"
      )
    }
    return list.rows
  }
}
