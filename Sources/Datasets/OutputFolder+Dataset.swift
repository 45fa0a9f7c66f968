public import Files

extension OutputFolder.Kind {
  /// A data set.
  public static let dataset = OutputFolder.Kind("a data set", marker: DatasetManifest.fileName)
}
