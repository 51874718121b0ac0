export const labelSelector = <const Description extends string>(
  description: Description,
  what: 'node' | 'pod' = 'node',
) =>
  ({
    type: 'object',
    description,
    properties: {
      matchLabels: {
        type: 'object',
        description: `Labels that the ${what} must have, with these values.`,
        maxProperties: 64,
        additionalProperties: { type: 'string', maxLength: 63, description: 'The value of the label.' },
      },
      matchExpressions: {
        type: 'array',
        description: `Conditions on the labels of the ${what}; all must hold.`,
        maxItems: 16,
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          description: 'One condition on a label.',
          required: ['key', 'operator'],
          properties: {
            key: { type: 'string', minLength: 1, maxLength: 317, description: 'The name of the label.' },
            operator: {
              type: 'string',
              enum: ['In', 'NotIn', 'Exists', 'DoesNotExist'],
              description: 'How the label is compared with the values.',
            },
            values: {
              type: 'array',
              description: 'What In and NotIn compare with; Exists and DoesNotExist have none.',
              maxItems: 64,
              'x-kubernetes-list-type': 'atomic',
              items: { type: 'string', maxLength: 63, description: 'A value of the label.' },
            },
          },
        },
      },
    },
  }) as const
