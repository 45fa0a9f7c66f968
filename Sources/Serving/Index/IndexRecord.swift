import Datasets
import Evaluation
package import Files
import Foundation
import Runs

/// `index.json`: what an index is of, how it was built, and what it was measured to find.
package struct IndexRecord: Codable, Sendable, Equatable {
  /// The file's name; an index is known by it.
  package static let fileName = "index.json"

  /// The program's version.
  package var version: String
  /// The run, as it was named.
  package var run: String
  /// The phase.
  package var phase: String
  /// Steps that its checkpoint was trained for.
  @Bounded<CountBounds> package var step: Int
  /// The data set's checksum.
  package var datasetChecksum: String
  /// The number of items.
  @Bounded<ItemBounds> package var items: Int
  /// The width of an embedding, all columns of it.
  @Bounded<ExtentBounds> package var width: Int
  /// Of these the codes, which are the last ones.
  @Bounded<ExtentBounds> package var codeWidth: Int
  /// Links of an item in an upper layer, M.
  @Bounded<CountBounds> package var neighbors: Int
  /// Candidates whose best became links, efConstruction.
  @Bounded<CountBounds> package var buildWidth: Int
  /// Users whose best items are linked.
  @Bounded<CountBounds> package var linkingUsers: Int
  /// How many items a search keeps in sight, ef: the least that was measured to find enough.
  @Bounded<CountBounds> package var searchWidth: Int
  /// The number of best items that recall is of; 100, or all items where there are fewer.
  @Bounded<ItemBounds> package var recallAt: Int
  /// The share of these that was asked for.
  package var wantedRecall: Double
  /// The share of users' best items that the index finds; `null` where no user has an event.
  package var recall: Double?
  /// The same of a search by cosine, for the items most like an item; 0 where that would be so wide that all products are formed instead.
  @Bounded<CountBounds> package var similarSearchWidth: Int
  /// The share of items' most similar ones that it finds, or would.
  package var similarRecall: Double?
  /// Users that recall was measured on; none of those whose items are linked.
  @Bounded<CountBounds> package var measuredUsers: Int
  /// Users whose best items the index finds in a second, on one core, the making of their embeddings left out.
  package var queriesPerSecond: Double?
  /// The same by all products.
  package var exactQueriesPerSecond: Double?
  /// CRC-32 of `items.hnsw`.
  @Bounded<ChecksumBounds> package var checksum: Int
  /// When it was built, UTC.
  package var created: String

  /// Values of a CRC-32.
  package enum ChecksumBounds: IntegerBounds {
    /// What they are.
    package static let range = 0...Int(UInt32.max)
  }

  /// Reads the record of an index.
  ///
  /// Throws `InputError` when there is none, or it is damaged.
  package init(folder: String) throws {
    let path = "\(folder)/\(Self.fileName)"
    let data = try SmallFile.read(path)
    do {
      self = try RecordCoding.decode(Self.self, from: data)
    } catch {
      throw InputError("\(path) is damaged (\(jsonDamage(error))); build the index again")
    }
  }

  /// Describes an index that is not measured yet.
  init(_ served: ServedModel, run: String, version: String, builder: IndexBuilder, wantedRecall: Double) {
    (self.run, self.version, self.wantedRecall) = (run, version, wantedRecall)
    (phase, step) = (served.plan.name, served.step)
    datasetChecksum = served.dataset.manifest.checksum
    (items, width) = (served.catalogue.items, served.width)
    codeWidth = served.width - served.catalogue.widthWithoutCodes
    (neighbors, buildWidth) = (builder.neighbors, builder.buildWidth)
    (searchWidth, similarSearchWidth, recallAt, linkingUsers, measuredUsers, checksum) = (0, 0, 0, 0, 0, 0)
    created = ISO8601DateFormatter().string(from: Date())
  }

  /// The record as JSON, without a line end.
  package var text: String {
    get throws { String(decoding: try RecordCoding.encode(self), as: UTF8.self) }
  }
}
