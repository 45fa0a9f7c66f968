import Datasets
import Evaluation
import Files
import Preparation
import Reporting
import Runs

/// A page about a model beside its embeddings, for whoever gets them and not the run: what they are, of what, how good, how to use them.
///
/// In the form of Mitchell et al., "Model Cards for Model Reporting", 2019, as far as a run knows of it. Markdown.
struct ModelCard {
  /// The file's name.
  static let fileName = "model_card.md"

  private let served: ServedModel
  private let provenance: Provenance
  private let format: EmbeddingFormat
  private let items: Int
  private let users: Int

  init(_ served: ServedModel, _ provenance: Provenance, format: EmbeddingFormat, items: Int, users: Int) {
    (self.served, self.provenance, self.format) = (served, provenance, format)
    (self.items, self.users) = (items, users)
  }

  /// The page.
  var text: String { ([heading, facts, use, metrics, limits].joined(separator: "\n\n")) + "\n" }

  private var heading: String {
    """
    # Embeddings of users and items

    Made by precise \(provenance.version) at \(provenance.created). A sequential recommender read each user's events; the product
    of a user's and an item's embedding is its score for what the user does next.
    """
  }

  private var facts: String {
    let dataset = served.dataset.manifest
    let rows = [
      ("Items", "\(HumanFormat.count(items)) (`items.\(format.rawValue)`)"),
      ("Users", "\(HumanFormat.count(users)) (`users.\(format.rawValue)`)"),
      (
        "Width",
        "\(served.width) numbers, float32, of which the last \(served.width - served.catalogue.widthWithoutCodes) are codes"
      ),
      ("Phase", "\(printable(provenance.phase)), step \(HumanFormat.count(provenance.step))"),
      ("Run", "`\(printable(provenance.run))`"),
      ("Data set", "`\(printable(provenance.dataset))`, checksum \(provenance.datasetChecksum)"),
      (
        "Its events",
        "\(HumanFormat.count(dataset.events)) of \(HumanFormat.count(dataset.users, "user")) in "
          + "\(names(served.dataset.scenes, "scene")), \(names(served.dataset.behaviors, "behavior"))"
      ),
      ("Held out", "\(dataset.preparation.split)"),
    ]
    let trained = provenance.trainedOn.map {
      [
        (
          "Trained on",
          "`\(printable($0))`; \(HumanFormat.count(provenance.newItems, "item")) came later and are embedded from their texts"
        )
      ]
    }
    return table(["", ""], (rows + (trained ?? [])).map { [$0, $1] })
  }

  private func names(_ names: [String], _ what: String) -> String {
    guard names.count <= 8 else { return "\(HumanFormat.count(names.count, what))" }
    return "\(names.count == 1 ? what : what + "s") " + names.map(printable).joined(separator: ", ")
  }

  private var use: String {
    """
    ## Use

    Search by **inner product**: cosine and Euclidean distance give other neighbors. Items are alike by the cosine of all columns
    but the codes. Scores order the items of one user; they are no probabilities, and those of two users are not on one scale. A
    user's embedding is of the events that were read: embed anew when there are more.
    """
  }

  private var metrics: String {
    guard case .object(let splits) = provenance.metrics, !splits.isEmpty else {
      return "## Metrics\n\nThe phase has not been measured (`precise evaluate`)."
    }
    let rows = splits.map { split in
      [split.key]
        + ["recall@10", "ndcg@10", "mrr"].map { split.value[$0]?.number.map { HumanFormat.decimal($0, 4) } ?? "-" }
        + [split.value["users"]?.number.map { HumanFormat.count(Int($0)) } ?? "-"]
    }
    return "## Metrics\n\nEach user's held-out item ranked among all items of the data set"
      + (provenance.trainedOn == nil ? "" : " that the model was trained on") + ".\n\n"
      + table(["split", "recall@10", "NDCG@10", "MRR", "users"], rows)
  }

  private var limits: String {
    """
    ## Limits

    What people saw shaped what they did: the events that the model learned from came through some recommender or ranking before.
    Items with few events are placed mostly by their texts. Users with few events get what most people get.
    """
  }

  private func table(_ header: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String { "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |" }
    return ([line(header), line(header.map { _ in "---" })] + rows.map(line)).joined(separator: "\n")
  }
}
