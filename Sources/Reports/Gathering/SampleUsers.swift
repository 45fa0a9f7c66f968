import Config
import Datasets
import Runs
import Serving

/// A few users with what they did last, and what a model recommends to them.
package struct SampleUsers: Sendable {
  /// An event.
  package struct Event: Sendable {
    /// Its item's id.
    package let id: String
    /// Its item's text; empty when it has none.
    package let title: String
    /// Where it happened.
    package let scene: String
    /// What the user did.
    package let behavior: String
    /// Microseconds before the event to predict.
    package let before: Int64
  }

  /// A recommended item.
  package struct Recommendation: Sendable {
    /// Its id.
    package let id: String
    /// Its text; empty when it has none.
    package let title: String
    /// The product of user and item.
    package let score: Float
    /// Whether it is the held-out item.
    package let isHeldOut: Bool
    /// Whether the user had it before.
    package let isSeen: Bool
    /// What the score is made of.
    package let parts: [(name: String, value: Float)]
    /// The event that the item is most like, by the cosine of their embeddings; nil where nothing tells.
    package let mostLike: (event: Event, cosine: Float)?
  }

  /// A user.
  package struct User: Sendable {
    /// The user's id.
    package let id: String
    /// Events before the held-out one.
    package let events: Int
    /// The newest of them, newest first.
    package let newest: [Event]
    /// The held-out event.
    package let heldOut: Event
    /// Best first.
    package let recommendations: [Recommendation]
  }

  /// What of a user is shown.
  static let shown = 10

  /// The users.
  package let users: [User]
  /// The phase whose model recommends.
  package let phase: String

  /// Picks users that have a test event and asks a model, from what happened before that event.
  ///
  /// The users of the first virtual shards whose ids have the lowest hashes: which they are depends on no run.
  init(_ served: ServedModel, count: Int) throws {
    let picked = try Self.pick(served.dataset, count)
    var rules = Recommender.Rules()
    rules.count = Self.shown
    rules.excludesSeen = served.run.config.evaluation.filterSeen
    let recommender = try Recommender(served, rules: rules)
    let found = picked.isEmpty ? [] : try recommender.recommend(picked.map(\.events), history: .beforeTest).map(\.items)
    let explainer = Explainer(served)
    users = try zip(picked, found).map { user, found in
      let why = try explainer.explain(found.map(\.item), to: user.events, history: .beforeTest)
      return Self.user(user.id, user.events, zip(found, why).map { ($0, $1) }, served.dataset)
    }
    phase = served.plan.name
  }

  private static func pick(_ dataset: Dataset, _ count: Int) throws -> [(id: String, events: UserEvents)] {
    var picked: [(id: String, events: UserEvents)] = []
    for index in 0..<dataset.shardCount where picked.count < count {
      let shard = try dataset.shard(index)
      let users = (0..<shard.userCount).filter { user in shard.events(user).test.map { $0 > 0 } ?? false }
      let order = users.map { (hash: VirtualShards.hash(shard.idBytes($0)), user: $0) }.sorted {
        ($0.hash, $0.user) < ($1.hash, $1.user)
      }
      picked += order.prefix(count - picked.count).map { (shard.id($0.user), shard.events($0.user)) }
    }
    return picked
  }

  private static func user(
    _ id: String, _ events: UserEvents, _ found: [(Recommender.Recommendation, Explanation)], _ dataset: Dataset
  ) -> User {
    let test = events.test ?? events.count
    let heldOut = event(events, min(test, events.count - 1), dataset, before: test)
    let newest = (0..<test).reversed().prefix(shown).map { event(events, $0, dataset, before: test) }
    let target = Int(events.items[min(test, events.count - 1)])
    let recommendations = found.map { entry, why in
      let parts = [("model", why.model), ("text", why.text), ("newest item", why.newest)].compactMap { name, part in
        part.map { (name: name, value: $0) }
      }
      return Recommendation(
        id: dataset.items.id(entry.item), title: dataset.title(entry.item), score: entry.score,
        isHeldOut: entry.item == target, isSeen: entry.isSeen, parts: parts,
        mostLike: why.mostLike.map { (event(events, $0.index, dataset, before: test), $0.value) })
    }
    return User(id: id, events: test, newest: Array(newest), heldOut: heldOut, recommendations: recommendations)
  }

  private static func event(_ events: UserEvents, _ index: Int, _ dataset: Dataset, before test: Int) -> Event {
    let item = Int(events.items[index])
    return Event(
      id: dataset.items.id(item), title: dataset.title(item), scene: dataset.scenes[Int(events.scenes[index])],
      behavior: dataset.behaviors[Int(events.behaviors[index])],
      before: max(0, events.times[min(test, events.count - 1)] - events.times[index]))
  }
}
