// The version of this package; pubspec.yaml says the same.

const version = '0.1.0';
