import Checkpoints
package import Collectives
import Config
package import Datasets
package import Evaluation
import Files
package import Model
package import Runs
package import Tensors

/// A trained phase ready to serve, on any number of ranks: its model, and the embeddings of all items.
///
/// Scores are the products that evaluation ranks by: h_n·e (universal) or h'_u·e (targeted), raw logits without `logit_scale`.
/// docs/model.md, section 6.
package final class ServedModel {
  /// Which events of a user are read.
  package enum HistoryExtent: String, Sendable, CaseIterable {
    /// Every event of the data set, held-out ones too: what is known of the user now.
    case all
    /// Training events only, for experiments on the held-out ones.
    case training
    /// Every event before the test event, all of them where a user has none: what the test is predicted from.
    case beforeTest = "before-test"

    /// The index behind the last event of a user that is read.
    func end(_ events: UserEvents) -> Int {
      switch self {
      case .all: events.count
      case .training: events.trainCount
      case .beforeTest: events.test ?? events.count
      }
    }
  }

  /// The run.
  package let run: TrainedRun
  /// The phase.
  package let plan: PhasePlan
  /// Steps that its checkpoint was trained for.
  package let step: Int
  /// Its model.
  package let model: PreciseModel
  /// Every item's embedding: in memory, or streamed when a run's configuration does not give it that much.
  package let catalogue: Catalogue
  /// When users are recommended to: what a model with `time: request` reads; nil of any other.
  package let requestTime: RequestTime?
  /// The ranks that serve.
  package let communicator: any Communicator
  /// Scratch memory.
  package let workspace = Workspace()
  private let embedder: UserEmbedder

  /// The data set.
  package var dataset: Dataset { run.dataset }
  /// The width of an embedding: d, or d + w when text is blended in, and its codes.
  package var width: Int { catalogue.width }

  /// Loads a phase (the last trained one when nil) and embeds all items; collective.
  ///
  /// Throws `InputError` when the phase is not trained, its checkpoint is damaged, or its numbers are not finite, and for a request
  /// time that the model does not read.
  ///
  /// - Parameters:
  ///   - time: when users are recommended to, for a model with `time: request`; nil = at the data set's newest event of all.
  ///   - newest: the time of an event beside those of the data set, in microseconds since 1970, which may be the newest of all.
  ///   - mayStream: whether a catalogue larger than `evaluation.catalogue_mib` is streamed; otherwise it is held whole.
  package init(
    _ run: TrainedRun, phase: String? = nil, at time: RequestTime? = nil, notBefore newest: Int64? = nil,
    communicator: any Communicator = SoloCommunicator(),
    mayStream: Bool = false
  ) throws {
    self.run = run
    self.communicator = communicator
    try run.agree(communicator)
    plan = try run.phase(named: phase)
    step = try run.checkpoint(plan).manifest.step
    model = try run.model(plan, communicator: communicator)
    requestTime = try Self.requestTime(time, newest, model, run.dataset, communicator)
    catalogue = try Catalogue(
      model, trainCounts: run.trainCounts, text: try run.text(plan), communicator: communicator,
      workspace: workspace,
      bytes: mayStream ? run.config.evaluation.catalogueBytes : .max)
    embedder = UserEmbedder(model, catalogue)
    guard !catalogue.isWhole || catalogue.embeddings.isFinite else {
      throw brokenEmbeddings
    }
  }

  /// The moment that was asked for, or that of the newest event of all ranks' shards; nil when the model reads none.
  private static func requestTime(
    _ time: RequestTime?, _ newest: Int64?, _ model: PreciseModel, _ dataset: Dataset, _ communicator: any Communicator
  ) throws -> RequestTime? {
    guard model.shape.readsRequestTime else {
      guard time == nil else { throw InputError("--at is for models with model.time: request; this one reads no request time") }
      return nil
    }
    if let time { return time }
    let shards = ShardRuns.shards(of: communicator.rank, ranks: communicator.size, count: dataset.shardCount)
    let own = max(try dataset.newestTime(shards: shards) ?? .min, newest ?? .min)
    return try communicator.gatherCounts(Int(own)).max().map { RequestTime(microseconds: Int64($0)) }
  }

  /// What is said of a model whose numbers are not finite.
  var brokenEmbeddings: InputError {
    InputError("the embeddings of phase \(plan.name) have NaN or infinity in them; train it again")
  }

  /// Users of a recommendation at a time, so that their scores fill at most 64 MiB.
  package var blockUsers: Int { max(1, min(256, (16 << 20) / max(catalogue.items, 1))) }

  /// Embeds users from their histories, one row each; a user without any event gets zeros.
  ///
  /// Of a streamed catalogue collective: a rank that has no more users calls it with none.
  ///
  /// - Parameter items: catalogue rows whose embeddings are wanted besides.
  /// - Returns: the embeddings of `items`, in the workspace.
  @discardableResult
  package func embed(
    _ users: [UserEvents], history: HistoryExtent = .all, items: [Int32] = [], into embeddings: Matrix
  ) throws -> UserEmbedder.Items {
    embedder.removeAll()
    for (slot, events) in users.enumerated() {
      plan.history.append(
        events, before: history.end(events), requestTime: requestTime?.microseconds, slot: slot, to: embedder.batch)
    }
    for item in items { embedder.items.append(item) }
    return try embedder.embed(into: embeddings, workspace: workspace)
  }

  /// How much the text of each newest event weighs, newest first, for the one user that was embedded last; none without a text blend.
  func textWeights(ofOnly user: Matrix) -> [Float] { embedder.textWeights(of: 0, user, workspace: workspace) }
}

extension Matrix {
  /// Whether no element is NaN or infinite.
  var isFinite: Bool {
    // The sum of products with zero is zero unless one of them is not finite.
    var sum: Float = 0
    for row in 0..<rows {
      let start = self.row(row)
      for column in 0..<columns { sum += start[column] * 0 }
    }
    return sum == 0
  }
}
