package import Host

extension MemoryPurpose {
  /// Item table and dense parameters.
  package static let model = MemoryPurpose(
    "the model's parameters and item rows",
    remedy: "lower model.id_dim or model.layers, set compute.token_storage to bf16, or use more hosts")
  /// What every rank keeps of every item.
  package static let itemNumbers = MemoryPurpose("numbers of all items", remedy: "set log_q to false, or give it more memory")
  /// The numbers of users, items and rows of a step.
  package static let lists = MemoryPurpose("the lists of a step", remedy: "lower batch.users or model.length")
  /// Activations and their gradients.
  package static let step = MemoryPurpose(
    "the workspace of a step", remedy: "lower batch.users, model.length or the negatives, or use more ranks on more hosts")
  /// The copy that training goes on beside.
  package static let checkpoint = MemoryPurpose(
    "a checkpoint", remedy: "set checkpoint.asynchronous to false, or give it more memory")
  /// The catalogue's embeddings and the scores.
  package static let evaluation = MemoryPurpose("an evaluation", remedy: "lower evaluation.catalogue_mib, or give it more memory")
}
