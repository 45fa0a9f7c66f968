public import Files

/// How events were ordered, filtered and split: the part of the protocol that `prepare` decides.
///
/// Every metrics record repeats it, because published numbers differ by these rules more than by models.
public struct PreparationProtocol: Codable, Sendable, Equatable {
  /// `leave-one-out` or `time:CUT`, as on the command line.
  public var split = ""
  /// The split's rule in words.
  public var splitRule = ""
  /// Users with fewer kept events were dropped, to a fixed point with `minimumItemEvents`.
  @Bounded<CountBounds> public var minimumUserEvents = 0
  /// Items with fewer kept events were dropped, to a fixed point with `minimumUserEvents`.
  @Bounded<CountBounds> public var minimumItemEvents = 0
  /// `keep`, `exact` or `first`.
  public var duplicates = ""
  /// `file-order` or `shuffle:SEED`: the order of a user's events with equal times.
  public var ties = ""
  /// `item` or `item-scene`.
  public var itemKey = ""
  /// Whether an `@` inside an id or a scene has a `\` before it in `id@scene`; nil in data sets keyed by id, and of earlier versions.
  public var itemKeyEscapes: Bool?
  /// The time before which events were left out, as on the command line; nil = none was.
  public var since: String?
  /// The share and the seed of the items kept out of training, as on the command line; nil = none were.
  public var coldItems: String?

  init() {}

  init(_ options: PreparationOptions) {
    split = options.split.description
    splitRule = options.split.rule
    minimumUserEvents = options.minimumUserEvents
    minimumItemEvents = options.minimumItemEvents
    duplicates = options.duplicates.rawValue
    ties = options.ties.description
    itemKey = options.itemKey.rawValue
    itemKeyEscapes = options.itemKey == .itemScene && options.sceneKey.isEscaped ? true : nil
    since = options.since?.description
    coldItems = options.coldItems?.description
  }
}
