import Datasets
import Runs
import Serving

/// What only a run's model and its data set together can say.
package struct ModelFacts: Sendable {
  /// Items on a plane; nil when there are too few.
  package let map: ItemMap?
  /// Users with recommendations; nil when none were wanted, or the catalogue is streamed.
  package let users: SampleUsers?

  /// The most items on a page's maps.
  static let mostItems = 2_000

  /// How much of a model is asked for.
  package struct Wishes: Sendable {
    /// Sample users, 0 for none.
    package var users: Int
    /// Items of the map.
    package var items: Int

    /// Describes what is asked for.
    package init(users: Int, items: Int) { (self.users, self.items) = (users, items) }
  }

  /// Loads the universal phase's model, or that of the last phase where there is none.
  ///
  /// Throws `InputError` when the run has no model that can be loaded.
  package init(_ run: ReportedRun, _ wishes: Wishes) throws {
    let trained = try TrainedRun(path: run.path, data: run.dataset?.path)
    let phases = try trained.trainedPhases.map(\.name)
    let served = try ServedModel(trained, phase: phases.contains("universal") ? "universal" : nil)
    map = try ItemMap(served, most: wishes.items)
    users = wishes.users > 0 ? try SampleUsers(served, count: wishes.users) : nil
  }
}

extension Dataset {
  /// Letters of a title: an item's text may be a page long.
  private static let titleLetters = 100

  /// An item's text as a title, cut where it is long; empty when it has none.
  func title(_ item: Int) -> String {
    let text = items.text(item)
    return text.count > Self.titleLetters ? text.prefix(Self.titleLetters - 1) + "…" : text
  }
}

/// What a run's model says, or why it says nothing.
enum ReportedModel {
  case facts(ModelFacts)
  case missing(String)
}
