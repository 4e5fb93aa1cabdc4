//! The place of the Lambda function. It has no code yet; the library and the command do not need it.
