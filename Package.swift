// swift-tools-version: 6.2
import PackageDescription

/// Options of every Swift target: language mode 6, and nothing implicit about existentials.
let swift: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A library target of ours under `Sources/`.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A test target under `Tests/`; `Fixtures` are read by path, so they are no resources.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: swift)
}

let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")
let yams: Target.Dependency = .product(name: "Yams", package: "Yams")

// The layers of the house, lowest first; `.ci/check-imports` holds the sources to this table.
let package = Package(
  name: "precise",
  products: [.executable(name: "precise", targets: ["precise"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.0"),
  ],
  targets: [
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "CKernels",
      // Optimised in debug builds too: a test suite over unoptimised vector loops would take an hour.
      cSettings: [.unsafeFlags(["-O3"])], linkerSettings: [.linkedLibrary("dnnl"), .linkedLibrary("m")]),

    library("Files", ["CZlib"]),
    library("Config", [yams]),
    library("Tensors", ["CKernels"]),

    library("Datasets", ["Files"]),
    library("Text", ["Files", "Datasets"]),
    library("Synth", ["Files"]),
    library("Reporting", ["Files", logging]),
    library("Kernels", ["CKernels", "Tensors"]),
    library("Collectives"),

    library("Optimizers", ["Tensors", "Kernels"]),
    library("Layers", ["Tensors", "Kernels"]),
    library("Items", ["Tensors", "Kernels", "Collectives", "Layers", "Optimizers"]),
    library("Model", ["Tensors", "Kernels", "Collectives", "Layers", "Items"]),
    library("Batches", ["Tensors", "Datasets"]),
    library("Evaluation", ["Tensors", "Kernels", "Collectives", "Model", "Items", "Layers", "Datasets", "Batches"]),
    library(
      "Training",
      [
        "Tensors", "Kernels", "Collectives", "Layers", "Items", "Optimizers", "Model", "Config", "Datasets", "Batches", "Text",
        "Files", "Reporting", "Evaluation", logging,
      ]),
    library(
      "Serving",
      [
        "Tensors", "Kernels", "Items", "Model", "Config", "Datasets", "Batches", "Text", "Files", "Reporting", "Evaluation",
        "Training", "Collectives",
      ]),

    .executableTarget(
      name: "precise",
      dependencies: [
        argumentParser, logging, "Files", "Config", "Tensors", "Kernels", "Collectives", "Datasets", "Text", "Reporting", "Model",
        "Training", "Evaluation", "Serving", "Items", "Synth",
      ],
      swiftSettings: swift),

    .target(name: "TestSupport", dependencies: ["Files", "Tensors"], path: "Tests/TestSupport", swiftSettings: swift),
    tests("TestSupportTests", ["Files"]),
    tests("FilesTests", ["Files"]),
    tests("ConfigTests", ["Config"]),
    tests("TensorsTests", ["Tensors", "CKernels"]),
    tests("DatasetsTests", ["Datasets", "Files"]),
    tests("TextTests", ["Text", "Datasets", "Files"]),
    tests("SynthTests", ["Synth", "Files"]),
    tests("ReportingTests", ["Reporting", "Files", logging]),
    tests("KernelsTests", ["Kernels", "Tensors"]),
    tests("CollectivesTests", ["Collectives"]),
    tests("OptimizersTests", ["Optimizers", "Tensors", "Kernels"]),
    tests("LayersTests", ["Layers", "Tensors", "Kernels"]),
    tests("ItemsTests", ["Items", "Tensors", "Collectives", "Layers", "Optimizers"]),
    tests("ModelTests", ["Model", "Files", "Items", "Layers", "Tensors", "Collectives", "Config"]),
    tests("BatchesTests", ["Batches", "Datasets", "Files", "Tensors"]),
    tests("EvaluationTests", ["Evaluation", "Batches", "Collectives", "Datasets", "Files", "Items", "Model", "Tensors"]),
    tests(
      "TrainingTests",
      [
        "Training", "Batches", "Collectives", "Config", "Datasets", "Evaluation", "Files", "Items", "Layers", "Model",
        "Reporting",
        "Synth", "Tensors", "Text",
      ]),
    tests(
      "ServingTests",
      [
        "Serving", "Training", "Evaluation", "Batches", "Model", "Items", "Tensors", "Collectives", "Config", "Datasets", "Text",
        "Files", "Reporting",
      ]),
    tests("CommandTests", ["precise", "Files", argumentParser]),
  ],
  cLanguageStandard: .c11
)
