public import Files

extension OutputFolder.Kind {
  /// A data set: what `prepare` writes, and `encode` into it.
  public static let dataset = OutputFolder.Kind(
    "a data set", marker: DatasetManifest.fileName, isSound: DatasetManifest.isManifest,
    owns: {
      [
        DatasetManifest.fileName, ItemCatalogue.fileName, "shards", "token_states.safetensors", "encode.json",
        "text_vectors.safetensors",
      ].contains($0)
    })
}
