export const duration = <const Description extends string>(description: Description) =>
  ({ type: 'string', maxLength: 16, description }) as const
